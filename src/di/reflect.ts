// tsyringe refuses to load without this polyfill. It is a file of its own so that `sideEffects` can name it.
import 'reflect-metadata';
