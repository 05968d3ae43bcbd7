import { networkInterfaces } from "node:os";
import { sortHeaderMap } from "./probe-maps.js";

/**
 * Replaces in one text all that differs between two runs.
 *
 * Recordings are masked; who compares a run of an emulator with one has to mask that too.
 */
export type Mask = (text: string) => string;

const rules: readonly (readonly [RegExp, string])[] = [
  [/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}/g, "<uuid>"],
  [/\w{3}, \d\d \w{3} \d{4} \d\d:\d\d:\d\d GMT/g, "<date>"],
  [/127\.0\.0\.1:\d+/g, "127.0.0.1:<port>"],
  // Envoy varies this text on purpose.
  [/(initializing config )'[^']*'/g, "$1'<file>'"],
  [/("x-envoy-upstream-service-time"=")\d+/g, "$1<ms>"],
  [/(x-envoy-upstream-service-time: )\d+/g, "$1<ms>"],
  // Of the probe: properties that are numbers or times of eight bytes.
  [/^(HC prop (?:destination|source|upstream) port -> 0 len=8) .*/g, "$1 <port>"],
  [/^(HC prop connection(?: |_)id -> 0 len=8) .*/g, "$1 <id>"],
  [
    /^(HC prop (?:request (?:duration|time)|response backend_latency|upstream cx_pool_ready_duration) -> 0 len=8) .*/g,
    "$1 <time>",
  ],
  // Maps of protobuf messages, which have no order; the node also lists all extensions in the binary.
  [
    /^(HC prop (?:metadata|metadata filter_metadata|metadata filter_metadata my\.ns|xds node|xds node metadata) -> 0) .*/g,
    "$1 <map>",
  ],
];

/** @param own Pairs of pattern and replacement that a scenario adds. @param folders Temporary folders of this run. */
export function createMask(own: readonly (readonly [string, string])[] = [], folders: readonly string[] = []): Mask {
  const all: (readonly [RegExp | string, string])[] = [
    ...folders.map((folder) => [folder, "<folder>"] as const),
    ...hostAddresses().map((address) => [address, "<host>"] as const),
    ...rules,
    ...own.map(([pattern, replacement]) => [new RegExp(pattern, "g"), replacement] as const),
  ];
  return (text) =>
    all.reduce((masked, [pattern, replacement]) => masked.replaceAll(pattern, replacement), sortHeaderMap(text));
}

/** Addresses of this machine that Envoy may put into x-forwarded-for. */
function hostAddresses(): string[] {
  return Object.values(networkInterfaces())
    .flatMap((list) => list ?? [])
    .filter(({ internal, family }) => !internal && family === "IPv4")
    .map(({ address }) => address);
}

/** Masks every text in a value of JSON, and the value of a header that carries milliseconds. */
export function maskDeep<T>(value: T, mask: Mask): T {
  if (typeof value === "string") return mask(value) as T;
  if (Array.isArray(value)) {
    const [name, text] = value;
    if (value.length === 2 && name === "x-envoy-upstream-service-time" && typeof text === "string")
      return [name, text.replace(/^\d+/, "<ms>")] as T;
    return value.map((item) => maskDeep(item, mask)) as T;
  }
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, maskDeep(item, mask)])) as T;
}
