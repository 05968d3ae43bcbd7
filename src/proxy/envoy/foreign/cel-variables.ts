import { bytesOf, textOf } from "../../../abi/bytes.js";
import type { ByteString } from "../../../abi/bytes.js";
import type { Context } from "../../../host/contexts.js";
import { HeaderMap } from "../../header-map.js";
import type { AttributeValue } from "../attributes.js";
import { isGroup } from "../attributes.js";
import { givenProperties } from "../given-properties.js";
import type { Properties, Value } from "../property-value.js";
import { Double, Latin1, Message } from "../property-value.js";
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
export function celVariables(context: Context, properties: Properties, node: Message): CelGroup {
  const found = envoyStreamOf(context);
  const given = givenProperties(found?.properties.properties ?? properties);
  const attribute = (path: string): AttributeValue =>
    found === undefined ? (path === "xds.node" ? node : undefined) : found.properties.attribute(found.filter, path);

  const at = (path: string, depth: number): unknown => {
    if (given.has(path)) return fromValue(given.get(path));
    const value = attribute(path);
    const whole = value === undefined ? undefined : fromAttribute(path, value);
    if (given.hasBelow(path) && whole instanceof Map) {
      return new CelGroup((name) => at(`${path}.${name}`, depth + 1) ?? whole.get(name));
    }
    if (value !== undefined) return whole;
    if (given.hasBelow(path) || (depth === 1 && (found === undefined ? path === "xds" : isGroup(path)))) {
      return new CelGroup((name) =>
        path === "filter_state" && found !== undefined
          ? (found.properties.filterState.get(byteName(name)) ?? at(`${path}.${name}`, depth + 1))
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
    return found?.properties.filterState.get(`wasm.${byteName(name)}`) ?? at(`filter_state.wasm.${name}`, 3);
  });
}

function fromAttribute(path: string, value: Exclude<AttributeValue, undefined>): unknown {
  if (value instanceof HeaderMap) return headerGroup(value);
  if (typeof value === "bigint" && timestamps.has(path)) return celTimestamp(value);
  if (typeof value === "bigint" && durations.has(path)) return celDuration(value);
  return fromValue(value);
}

/** Numbers of properties are whole ones unless they have a fraction. */
function fromValue(value: Value): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (typeof value !== "object" || value === null || value instanceof Uint8Array) return value;
  if (value instanceof Latin1) return text(value.text);
  if (value instanceof Double) return value.value;
  if (value instanceof Message) {
    const { fields } = value;
    return new CelGroup((name) => (Object.hasOwn(fields, name) ? fromValue(fields[name]) : undefined), value.bytes);
  }
  if (Array.isArray(value)) return (value as readonly Value[]).map(fromValue);
  return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, fromValue(one)]));
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
