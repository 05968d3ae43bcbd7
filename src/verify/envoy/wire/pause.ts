import { setTimeout } from "node:timers/promises";

/** Waits; ends at once, without an error, when the signal is given. */
export async function pause(ms: number, signal?: AbortSignal): Promise<void> {
  if (ms <= 0 || signal?.aborted) return;
  await setTimeout(ms, undefined, signal && { signal }).catch(() => undefined);
}
