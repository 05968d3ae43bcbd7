import type { ByteString } from "../abi/bytes.js";
import type { MapType } from "../abi/enums.js";
import { MapType as Maps, Status } from "../abi/enums.js";
import type { PluginContext } from "../host/contexts.js";
import { emptyBuffer } from "../host/contexts.js";
import type { BufferPort, Fields, PropertyValue, StreamPort } from "../host/stream-port.js";
import type { HeaderMap } from "./header-map.js";
import type { StreamView } from "./http-filter.js";
import type { PropertyReader, PropertyStore } from "./plugin-filter.js";

/** A plugin as an access logger: on_log on its root context, which may look at the stream meanwhile. [E] §8.2 */
export function logStream(root: PluginContext, stream: StreamView, properties: PropertyStore): void {
  if (root.vm.failed) return;
  root.logged = new LoggedStream(root, stream, properties);
  root.vm.notify(root.vm.callbacks.proxy_on_log, root);
  root.logged = undefined;
}

/** A stream that is over, to be read only. */
class LoggedStream implements StreamPort, PropertyReader {
  readonly root: PluginContext;
  readonly stream: StreamView;
  readonly inLog = true;
  private readonly _properties: PropertyStore;

  constructor(root: PluginContext, stream: StreamView, properties: PropertyStore) {
    this.root = root;
    this.stream = stream;
    this._properties = properties;
  }

  liveFields(map: MapType): HeaderMap | undefined {
    switch (map) {
      case Maps.RequestHeaders:
        return this.stream.requestHeaders;
      case Maps.ResponseHeaders:
        return this.stream.responseHeaders;
      case Maps.ResponseTrailers:
        return this.stream.responseTrailers;
      default:
        return undefined;
    }
  }
  readFields(map: MapType): Fields | Status {
    return this.liveFields(map) ?? Status.NotFound;
  }
  writeFields(): Status {
    return Status.BadArgument;
  }
  listFields(map: MapType): Fields | undefined {
    return this.liveFields(map);
  }
  buffer(): BufferPort {
    return emptyBuffer;
  }
  property(segments: readonly ByteString[]): PropertyValue {
    return this._properties.get(this, segments);
  }
  setProperty(): Status {
    return Status.NotFound;
  }
  readonly ending = true;
  // [R] Nothing of it has an effect, and nothing crashes here.
  continueStream(): void {}
  closeStream(): void {}
  noteContinue(): void {}
  noteClose(): void {}
  sendLocalResponse(): void {}
  clearRouteCache(): void {}
  abandon(): void {}
}
