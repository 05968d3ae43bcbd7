import { arch, cpus, platform } from "node:os";

/** What times depend on. */
export interface Machine {
  readonly cpu: string;
  readonly platform: string;
  readonly node: string;
  readonly v8: string;
}

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    platform: `${platform()} ${arch()}`,
    node: process.versions.node,
    v8: process.versions.v8,
  };
}

/** What differs between two, in words; undefined: nothing. */
export function difference(a: Machine, b: Machine): string | undefined {
  const keys = (["cpu", "platform", "node"] as const).filter((key) => a[key] !== b[key]);
  return keys.length === 0 ? undefined : keys.map((key) => `${key} was ${b[key]} and is ${a[key]}`).join(", ");
}
