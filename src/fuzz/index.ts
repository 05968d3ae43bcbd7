export {
  authority,
  body,
  chunking,
  configurationNear,
  exchange,
  headerLines,
  headerName,
  headerValue,
  httpRequest,
  httpResponse,
  path,
  token,
} from "./arbitraries.js";
export type { FuzzExchange, FuzzReply, FuzzRequest, HeaderLine, Hints } from "./arbitraries.js";
export { findingJson, findingText } from "./finding-text.js";
export { fuzz } from "./fuzz.js";
export type { Finding, FuzzOptions, FuzzProgress, FuzzReport } from "./fuzz.js";
export type { FuzzCase, LeftMessage, Outcome, Played } from "./player.js";
export { properties } from "./properties.js";
export type { FuzzProperty, Violation } from "./properties.js";
