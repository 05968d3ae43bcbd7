/**
 * The guest handed over an address, a size or an allocation that cannot be used.
 *
 * It becomes a status (INVALID_MEMORY_ACCESS) or an errno (EFAULT) where the import function ends, and never reaches a person.
 */
export class GuestFault extends Error {
  override readonly name = "GuestFault";
}

/**
 * Thrown through the guest to end a call that must not go on: a hostcall that is forbidden now.
 * The VM has failed then, with `message` as the reason, in Envoy's words.
 */
export class GuestAbort extends Error {
  override readonly name = "GuestAbort";
}
