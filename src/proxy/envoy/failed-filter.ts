import { noBytes } from "../../abi/bytes.js";
import { DataAction, HeadersAction, TrailersAction } from "../action.js";
import type { FilterHandle, HttpFilter } from "../http-filter.js";

/** A plugin that cannot run and fails closed: 503, without entering any VM. [E] §7.1 */
export class FailedFilter implements HttpFilter {
  private _handle!: FilterHandle;

  attach(handle: FilterHandle): void {
    this._handle = handle;
  }
  requestHeaders(): HeadersAction {
    this._handle.sendLocalReply({
      status: 503,
      body: noBytes,
      headers: [],
      grpcStatus: 14,
      details: "wasm_fail_stream",
    });
    return HeadersAction.StopAllWatermark;
  }
  requestData(): DataAction {
    return DataAction.Continue;
  }
  requestTrailers(): TrailersAction {
    return TrailersAction.Continue;
  }
  responseHeaders(): HeadersAction {
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
