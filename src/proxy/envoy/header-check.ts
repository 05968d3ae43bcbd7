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
  if (headers.first(":method") === undefined || headers.first(":method") === "") {
    return "missing required header: :method";
  }
  for (const [name, value] of headers) {
    const plain = name.charCodeAt(0) === 0x3a ? name.slice(1) : name;
    if (plain !== "" && badName.test(plain)) return `invalid header name: ${escape(name)}`;
    if (badValue.test(value)) return `invalid header value for: ${name}`;
  }
  return undefined;
}

/** As Envoy prints bytes in messages. */
function escape(text: ByteString): string {
  return text.replaceAll("\r", "\\r").replaceAll("\n", "\\n").replaceAll("\t", "\\t");
}
