import type { Pair } from "../../abi/pairs.js";
import { utf8ByteString } from "../../abi/bytes.js";
import type { LocalReplyMapper, Route, RouteMatch } from "../../proxy/envoy/settings.js";
import type { JsonObject } from "../envoy/scenario.js";
import { Reader } from "./reader.js";

/** A route of a route configuration, in Envoy's JSON. @throws {HarnessError} OPTION_INVALID for what cannot be replayed */
export function routeOf(json: JsonObject, where: string): Route {
  const route = new Reader(json, where);
  const action = route.object("route");
  const direct = route.object("direct_response");
  const cluster = action?.text("cluster");
  const clusterHeader = action?.text("cluster_header");
  const timeout = action?.text("timeout");
  const prefixRewrite = action?.text("prefix_rewrite");
  const name = route.text("name");
  const toAdd = headersToAdd(route, "response_headers_to_add");
  const requestToAdd = headersToAdd(route, "request_headers_to_add");
  const metadata = metadataOf(route);
  const body = direct?.object("body");
  const given: Route = {
    ...(name !== undefined && { name }),
    match: matchOf(route.object("match")),
    ...(cluster !== undefined && { cluster }),
    ...(clusterHeader !== undefined && { clusterHeader }),
    ...(timeout !== undefined && { timeoutMs: millisecondsOf(timeout) }),
    ...(prefixRewrite !== undefined && { prefixRewrite }),
    ...(direct && {
      directResponse: { status: direct.number("status") ?? 200, body: body?.text("inline_string") ?? "" },
    }),
    ...(toAdd.length > 0 && { responseHeadersToAdd: toAdd }),
    ...(requestToAdd.length > 0 && { requestHeadersToAdd: requestToAdd }),
    ...(metadata && { metadata }),
  };
  for (const reader of [action, direct, body, route]) reader?.done();
  return given;
}

function matchOf(match: Reader | undefined): RouteMatch {
  const prefix = match?.text("prefix");
  const path = match?.text("path");
  match?.done();
  return { ...(prefix !== undefined && { prefix }), ...(path !== undefined && { path }) };
}

/** `response_headers_to_add` and the like. */
export function headersToAdd(reader: Reader, name: string): Pair[] {
  return reader.list(name).map((entry) => {
    const header = entry.object("header");
    const pair: Pair = [utf8ByteString(header?.text("key") ?? ""), utf8ByteString(header?.text("value") ?? "")];
    header?.done();
    entry.done();
    return pair;
  });
}

/** `filter_metadata` of a `metadata`. */
export function metadataOf(reader: Reader): JsonObject | undefined {
  const metadata = reader.object("metadata");
  const filters = metadata?.raw("filter_metadata") as JsonObject | undefined;
  metadata?.done();
  return filters;
}

/** `15s`, `0.5s` */
const millisecondsOf = (duration: string): number => Number.parseFloat(duration) * 1000;

/** A mapper of `local_reply_config`: of its filters only that of one status, of its formats only text. */
export function mapperOf(mapper: Reader): LocalReplyMapper {
  const filter = mapper.object("filter");
  const byStatus = filter?.object("status_code_filter");
  const comparison = byStatus?.object("comparison");
  const value = comparison?.object("value");
  const format = mapper.object("body_format_override");
  const source = format?.object("text_format_source");
  const newStatus = mapper.number("status_code");
  const body = source?.text("inline_string");
  const toAdd = headersToAdd(mapper, "headers_to_add");
  const status = value?.number("default_value") ?? 0;
  value?.text("runtime_key");
  comparison?.oneOf("op", ["EQ"]);
  for (const reader of [value, comparison, byStatus, filter, source, format, mapper]) reader?.done();
  return {
    status,
    ...(newStatus !== undefined && { newStatus }),
    ...(toAdd.length > 0 && { headersToAdd: toAdd }),
    ...(body !== undefined && { body }),
  };
}
