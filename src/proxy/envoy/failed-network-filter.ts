import type { NetworkFilter, NetworkFilterHandle } from "../network-filter.js";
import { NetworkAction } from "../network-filter.js";

/** A plugin that cannot run and fails closed: the connection ends as it begins, without entering any VM. [E] §8.1 */
export class FailedNetworkFilter implements NetworkFilter {
  private _handle!: NetworkFilterHandle;

  attach(handle: NetworkFilterHandle): void {
    this._handle = handle;
  }
  newConnection(): NetworkAction {
    this._handle.close(true);
    return NetworkAction.StopIteration;
  }
  downstreamData(): NetworkAction {
    return NetworkAction.Continue;
  }
  upstreamData(): NetworkAction {
    return NetworkAction.Continue;
  }
  closed(): void {}
}
