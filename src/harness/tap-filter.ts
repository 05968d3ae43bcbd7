import type { Pair } from "../abi/pairs.js";
import { DataAction, HeadersAction, TrailersAction } from "../proxy/action.js";
import type { HeaderMap } from "../proxy/header-map.js";
import type { HttpFilter } from "../proxy/http-filter.js";

/** A filter that lets everything pass and remembers the headers: beside a plugin it shows what came to it and what it made of that. */
export class TapFilter implements HttpFilter {
  request: readonly Pair[] | undefined = undefined;
  response: readonly Pair[] | undefined = undefined;

  attach(): void {}
  requestHeaders(headers: HeaderMap): HeadersAction {
    this.request = headers.pairs();
    return HeadersAction.Continue;
  }
  requestData(): DataAction {
    return DataAction.Continue;
  }
  requestTrailers(): TrailersAction {
    return TrailersAction.Continue;
  }
  responseHeaders(headers: HeaderMap): HeadersAction {
    this.response = headers.pairs();
    return HeadersAction.Continue;
  }
  responseData(): DataAction {
    return DataAction.Continue;
  }
  responseTrailers(): TrailersAction {
    return TrailersAction.Continue;
  }
  log(): void {}
  destroy(): void {}
}
