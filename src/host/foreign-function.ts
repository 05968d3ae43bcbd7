import type { Context } from "./contexts.js";

/** The answer of a foreign function: a status, or bytes (status OK), or both. */
export type ForeignAnswer = number | Uint8Array | { readonly status: number; readonly result: Uint8Array };

/**
 * A function of the host that plugins call by name through `proxy_call_foreign_function`.
 *
 * @param args The bytes that the plugin hands over.
 * @param context The context that calls: the effective one.
 */
export type ForeignFunction = (args: Uint8Array, context: Context) => ForeignAnswer;
