/*
 * The shapes of the engine's objects in our own words. TypeScript has `WebAssembly` only with the DOM's types, which users of
 * this package need not have: no exported declaration names it.
 */

/** A `WebAssembly.Module`. */
export type EngineModule = object;

/** A `WebAssembly.Memory`. */
export interface EngineMemory {
  readonly buffer: ArrayBufferLike;
  /** @returns Pages before. @throws {RangeError} when the maximum would be passed. */
  grow(pages: number): number;
}

/** The exports of an instance, by name. */
export type EngineExports = Readonly<Record<string, unknown>>;
