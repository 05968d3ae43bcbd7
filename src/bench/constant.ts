/** What the constant workload works on. */
const bytes = Buffer.from("x-request-id: 6f1c4e7a-0000-4000-8000-0123456789ab\n".repeat(40), "latin1");

/**
 * Work that no filter can change: a hash over 2 KB and strings in and out of a buffer. Run in every round, it tells how steady
 * the machine was; and its own time makes results of two machines comparable, roughly.
 *
 * @returns Something that depends on all of the work.
 */
export function constantWork(): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < bytes.length; i++) hash = Math.imul(hash ^ bytes[i]!, 0x01000193);
  for (let i = 0; i < 20; i++)
    hash ^= bytes.toString("latin1", i, i + 48).length + bytes.write("x-filter: on", 0, "latin1");
  return hash >>> 0;
}
