export { logger } from './logger.js';
export { passedOn } from './passed-on.js';
export { suggestion } from './near.js';
export {
  checkDistinct,
  distinct,
  isObject,
  list,
  object,
  readOptions,
  type Spec,
  type SpecOf,
  type ValuesOf,
} from './object.js';
export { checkDistinctPlugins, pluginOf, unknownPlugin } from './plugin.js';
export {
  accepting,
  inside,
  isRefusal,
  nullable,
  optional,
  type Reader,
  refusal,
  textOr,
  unfit,
  unread,
  type ValueOf,
  type Where,
  withDefault,
} from './reader.js';
export { shown } from './shown.js';
export {
  atMostAll,
  boolean,
  duration,
  func,
  height,
  integer,
  MAX_TIMER_MS,
  number,
  objectWith,
  oneOf,
  text,
} from './values.js';
