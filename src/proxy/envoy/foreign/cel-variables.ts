import { bytesOf, textOf } from "../../../abi/bytes.js";
import type { ByteString } from "../../../abi/bytes.js";
import type { Context } from "../../../host/contexts.js";
import { HeaderMap } from "../../header-map.js";
import type { AttributeValue } from "../attributes.js";
import { isGroup, Latin1 } from "../attributes.js";
import type { Properties, Property } from "../property-value.js";
import { celDuration, celTimestamp } from "./cel-bytes.js";
import { CelGroup } from "./cel-group.js";
import { envoyStreamOf } from "./envoy-stream.js";

/** Attributes whose number of nanoseconds is a time, and those where it is a duration. */
const timestamps: ReadonlySet<string> = new Set(["request.time"]);
const durations: ReadonlySet<string> = new Set([
  "request.duration",
  "response.backend_latency",
  "upstream.cx_pool_ready_duration",
]);

/**
 * What expressions can name in this context: attributes, the plugin's own names, and properties that plugins set. Values are
 * computed when they are asked for. [E] Context::findValue
 */
export function celVariables(context: Context, properties: Properties): CelGroup {
  const found = envoyStreamOf(context);
  const given = found?.properties.properties ?? properties;
  const attribute = (path: string): AttributeValue => found?.properties.attribute(found.filter, path);

  const at = (path: string, depth: number): unknown => {
    if (Object.hasOwn(given, path)) return fromProperty(given[path]);
    const value = attribute(path);
    if (value !== undefined) return fromAttribute(path, value);
    const isInside = Object.keys(given).some((name) => name.startsWith(`${path}.`));
    if (isInside || (depth === 1 && found !== undefined && isGroup(path))) {
      return new CelGroup((name) =>
        path === "filter_state" && found !== undefined
          ? found.properties.filterState.get(byteName(name))
          : at(`${path}.${name}`, depth + 1),
      );
    }
    return undefined;
  };

  return new CelGroup((name) => {
    const value = at(name, 1);
    if (value !== undefined) return value;
    const own = name.startsWith("plugin_") ? context.property([name]) : undefined;
    if (typeof own === "string") return text(own);
    return found?.properties.filterState.get(`wasm.${byteName(name)}`);
  });
}

function fromAttribute(path: string, value: Exclude<AttributeValue, undefined>): unknown {
  if (value instanceof HeaderMap) return headerGroup(value);
  if (value instanceof Latin1) return text(value.text);
  if (typeof value === "bigint" && timestamps.has(path)) return celTimestamp(value);
  if (typeof value === "bigint" && durations.has(path)) return celDuration(value);
  return fromProperty(value);
}

/** Numbers of properties are whole ones unless they have a fraction. */
function fromProperty(value: Property): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (Array.isArray(value)) return (value as readonly Property[]).map(fromProperty);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fromProperty(one)]));
}

/** Names ignore case, repeated values are joined. */
class Headers extends Map<string, string> {
  override get(name: string): string | undefined {
    return super.get(name.toLowerCase());
  }
  override has(name: string): boolean {
    return super.has(name.toLowerCase());
  }
}
Object.defineProperty(Headers.prototype, "constructor", { value: Map });

function headerGroup(map: HeaderMap): Headers {
  const all = new Headers();
  for (const [name, value] of map) {
    const before = all.get(name);
    all.set(text(name), before === undefined ? text(value) : `${before},${text(value)}`);
  }
  return all;
}

const text = (bytes: ByteString): string => textOf(bytesOf(bytes));
const byteName = (name: string): ByteString => Buffer.from(name, "utf8").toString("latin1");
