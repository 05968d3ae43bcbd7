import type { ByteString } from "../../abi/bytes.js";
import type { HeaderMap } from "../header-map.js";

const badName = /[^!#$%&'*+\-.^_`|~0-9A-Za-z]/;
// eslint-disable-next-line no-control-regex -- these are what is refused
const badValue = /[\0-\x08\x0a-\x1f\x7f]/;

/**
 * Why request headers cannot be sent upstream, in Envoy's words; undefined when they can. [E] checkRequiredRequestHeaders,
 * checkValidRequestHeaders
 */
export function badRequestHeader(headers: HeaderMap): string | undefined {
  const method = headers.first(":method");
  if (method === undefined) return "missing required header: :method";
  if (method === "CONNECT" && headers.first(":path") !== undefined && headers.first(":protocol") === undefined) {
    return "missing required header: :protocol";
  }
  const bad = headers.findEntry((name, value) => !isGoodName(name) || badValue.test(value));
  if (bad === undefined) return undefined;
  const [name] = bad;
  return isGoodName(name) ? `invalid header value for: ${name}` : `invalid header name: ${escape(name)}`;
}

/** Names that were looked at: the same few come again and again. */
const goodNames = new Set<ByteString>();

function isGoodName(name: ByteString): boolean {
  if (goodNames.has(name)) return true;
  const plain = name.charCodeAt(0) === 0x3a ? name.slice(1) : name;
  if (plain !== "" && badName.test(plain)) return false;
  if (goodNames.size < 1000) goodNames.add(name);
  return true;
}

/** As Envoy prints bytes in messages. */
function escape(text: ByteString): string {
  return text.replaceAll("\r", "\\r").replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}
