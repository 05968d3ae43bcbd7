import type { Pair } from "../../abi/pairs.js";
import { HeaderMap } from "../header-map.js";

/** A copy in the order in which the HTTP/2 codec of Envoy 1.36 sends it. [R] */
export function grouped(headers: HeaderMap): HeaderMap {
  const byName = new Map<string, Pair[]>();
  for (const [name, value] of headers) {
    const fields = byName.get(name) ?? [];
    byName.set(name, [...fields, ...value.split("\0").map((part): Pair => [name, part])]);
  }
  return new HeaderMap("response", [...byName.values()].flat());
}
