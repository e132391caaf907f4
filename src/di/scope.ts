import './reflect.js';
import { container, instancePerContainerCachingFactory } from 'tsyringe';
import type { Token } from './token.js';

/**
 * The parts of one engine or server: a container of its own, so that nothing is shared with another one in the process.
 *
 * Parts are made once, when first asked for, and closed in the reverse order of their making; the container itself
 * does neither in a usable way (it disposes in construction order, and again at every call).
 */
export class Scope {
  readonly #container = container.createChildContainer();
  readonly #closers: (() => Promise<void>)[] = [];
  #closing: Promise<void> | null = null;

  /** Registers how to make a part, and how to close it if it needs closing. */
  provide<T extends object>(key: Token<T>, make: () => T, close?: (part: T) => Promise<void>): void {
    const useFactory = instancePerContainerCachingFactory(() => {
      const part = make();
      if (close !== undefined) this.#closers.push(() => close(part));
      return part;
    });
    this.#container.register(key, { useFactory });
  }

  /** The part of this scope. */
  get<T extends object>(key: Token<T>): T {
    return this.#container.resolve<T>(key);
  }

  /** Closes the parts that were made; failures of several are collected. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const failures: unknown[] = [];
    for (const close of this.#closers.reverse()) {
      await close().catch((error: unknown) => failures.push(error));
    }
    await this.#container.dispose();
    if (failures.length === 1) throw failures[0];
    if (failures.length > 1) throw new AggregateError(failures, 'Several parts failed to close.');
  }
}
