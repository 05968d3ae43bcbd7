import type { Finding } from "./fuzz.js";

/** What is tried besides exchanges, along the way: a part of the time is for it, and what is left afterwards. */
export interface SideHunt {
  /** Real milliseconds spent so far. */
  readonly spentMs: number;
  /** All was tried, or something was found: more would mostly break for the same reason. */
  readonly over: boolean;
  /** Tries some more. */
  next(): Promise<Finding | undefined>;
  /** @param path Of a finding, without its first letter. */
  replay(path: string): Promise<Finding | undefined>;
  close(): void;
}

/** Of the time: what each may take before all cases were played. */
export const sideShare = 0.2;
