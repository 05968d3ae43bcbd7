import type { ByteString } from "../abi/bytes.js";
import { concat, noBytes } from "../abi/bytes.js";
import { BufferType, MapType, Status } from "../abi/enums.js";
import type { PluginVm } from "./plugin-vm.js";
import type { BufferPort, Fields, PropertyValue, StreamPort } from "./stream-port.js";
import type { Timer } from "./services/clock.js";

/** A buffer that is never changed: configurations, call responses. */
export class ReadOnlyBuffer implements BufferPort {
  private readonly _bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this._bytes = bytes;
  }
  get size(): number {
    return this._bytes.length;
  }
  bytes(start: number, max: number): Uint8Array {
    return this._bytes.subarray(start, start + max);
  }
}

/** A message that a call brought: its callback may edit it as it may a body. [R] avail12 */
export class MessageBuffer implements BufferPort {
  private _bytes: Uint8Array;
  constructor(bytes: Uint8Array) {
    this._bytes = bytes;
  }
  get size(): number {
    return this._bytes.length;
  }
  bytes(start: number, max: number): Uint8Array {
    return this._bytes.subarray(start, start + max);
  }
  splice(start: number, size: number, data: Uint8Array): boolean {
    if (start > 0 && start < this._bytes.length) return false;
    this._bytes = concat(start === 0 ? [data, this._bytes.subarray(size)] : [this._bytes, data]);
    return true;
  }
}

export const emptyBuffer: BufferPort = new ReadOnlyBuffer(noBytes);

/** What an answered call lets the guest read while its callback runs. */
export interface Delivery {
  readonly headers?: Fields;
  readonly trailers?: Fields;
  readonly body?: BufferPort;
  readonly grpcInitialMetadata?: Fields;
  readonly grpcTrailingMetadata?: Fields;
  readonly grpcMessage?: BufferPort;
}

const nothingDelivered: Delivery = {};

/**
 * What a guest's callback acts on: the VM itself (id 0), a plugin (root context) or a stream.
 *
 * The base answers for what every kind has; `StreamContext` asks its stream first. [S] #contexts
 */
export class Context {
  readonly id: number;
  readonly vm: PluginVm;
  /** ` name root_id vm_id` as Envoy prints it: streams have all three, roots no name, the VM nothing. */
  readonly logPrefix: string;
  /** Has the guest been told of this context? Without it there is no on_log, on_done or on_delete. */
  created = false;
  /** Its id is free again. */
  deleted = false;
  /** [E] Buffer 8 shows what the host last let this context read. */
  lastBuffer: BufferPort = emptyBuffer;

  /** The same for the log. */
  readonly logPrefixId: number;

  constructor(vm: PluginVm, id: number, logPrefix: string, logPrefixId = vm.process.log.prefixId(logPrefix)) {
    this.vm = vm;
    this.id = id;
    this.logPrefix = logPrefix;
    this.logPrefixId = logPrefixId;
  }

  /** The plugin's root, of which calls, timers and queues are; undefined only for the VM. */
  get root(): PluginContext | undefined {
    return undefined;
  }

  /** The stream behind this context. */
  get stream(): StreamPort | undefined {
    return undefined;
  }

  readFields(map: number): Fields | Status {
    return this._delivered(map) ?? Status.BadArgument;
  }

  writeFields(_map: number, _isWrite?: boolean): Fields | Status {
    return Status.BadArgument;
  }

  listFields(map: number): Fields | undefined {
    return this._delivered(map);
  }

  /** The buffer, or undefined where a hostcall answers NOT_FOUND. [E] Context::getBuffer */
  buffer(type: number): BufferPort | undefined {
    if (type === BufferType.ForeignFunctionArguments) return this.lastBuffer;
    const found = this._find(type);
    if (found !== undefined) this.lastBuffer = found;
    return found;
  }

  /** [E] Context::getProperty: the plugin's own names, then the stream's attributes, or the process's without a stream. */
  property(segments: readonly ByteString[]): PropertyValue {
    const first = segments[0];
    const root = this.root;
    if (root !== undefined && first !== undefined && first.startsWith("plugin_")) {
      const own = pluginProperty(first, root);
      if (own !== undefined) return segments.length === 1 ? own : Status.NotFound;
    }
    return this.stream === undefined ? this.vm.process.property(segments) : this.stream.property(segments);
  }

  private _delivered(map: number): Fields | undefined {
    const delivery = this.root?.delivery;
    switch (map) {
      case MapType.GrpcInitialMetadata:
        return delivery?.grpcInitialMetadata;
      case MapType.GrpcTrailingMetadata:
        return delivery?.grpcTrailingMetadata;
      case MapType.CallResponseHeaders:
        return delivery?.headers;
      case MapType.CallResponseTrailers:
        return delivery?.trailers;
      default:
        return undefined;
    }
  }

  private _find(type: number): BufferPort | undefined {
    switch (type) {
      case BufferType.VmConfiguration:
        return this.vm.configuration;
      case BufferType.PluginConfiguration:
        return this.root?.readableConfiguration;
      case BufferType.CallResponseBody:
        return this.root?.delivery.body;
      case BufferType.GrpcMessage:
        return this.root?.delivery.grpcMessage ?? emptyBuffer;
      default:
        return this.stream?.buffer(type) ?? emptyBuffer;
    }
  }
}

/** What a proxy's own functions remember of a plugin, besides what the ABI knows. */
export interface RootExtension {
  /** For snapshots. */
  copy(): RootExtension;
}

export interface PluginSettings {
  /** Name in logs, statistics and property `plugin_name`. */
  readonly name: string;
  readonly rootId: string;
  readonly configuration: Uint8Array;
}

/** A plugin in a VM: the root context, which owns calls, the timer and queues. */
export class PluginContext extends Context {
  readonly settings: PluginSettings;
  /** Prefix of the log lines of this plugin's streams. */
  readonly streamLogPrefix: string;
  readonly streamLogPrefixId: number;
  /** The configuration while the guest may read it, else undefined. */
  readableConfiguration: BufferPort | undefined = undefined;
  delivery: Delivery = nothingDelivered;
  /** What `proxy_get_status` answers: of the last call that was answered. */
  statusCode = 0;
  statusMessage: ByteString = "";
  /** 0: no ticks. */
  tickPeriodMs = 0;
  tickTimer: Timer | undefined = undefined;
  /** The stream that this plugin, an access logger, is logging. */
  logged: StreamPort | undefined = undefined;
  /** on_done answered 0: the guest will call proxy_done. */
  awaitsDone = false;
  /** By their classes. */
  extensions: ReadonlyMap<new () => RootExtension, RootExtension> = new Map();

  constructor(vm: PluginVm, id: number, settings: PluginSettings) {
    const vmId = vm.settings.vmId;
    super(vm, id, prefix([settings.rootId, vmId]));
    this.settings = settings;
    this.streamLogPrefix = prefix([settings.name, settings.rootId, vmId]);
    this.streamLogPrefixId = vm.process.log.prefixId(this.streamLogPrefix);
  }

  override get root(): PluginContext {
    return this;
  }

  override get stream(): StreamPort | undefined {
    return this.logged;
  }

  override readFields(map: number): Fields | Status {
    const { logged } = this;
    return logged === undefined || map > MapType.ResponseTrailers
      ? super.readFields(map)
      : logged.readFields(map as MapType);
  }

  override listFields(map: number): Fields | undefined {
    const { logged } = this;
    return logged === undefined || map > MapType.ResponseTrailers
      ? super.listFields(map)
      : logged.listFields(map as MapType);
  }

  findExtension<T extends RootExtension>(kind: new () => T): T | undefined {
    return this.extensions.get(kind) as T | undefined;
  }

  /** The extension of this class, made when it is not there. */
  extension<T extends RootExtension>(kind: new () => T): T {
    const there = this.findExtension(kind);
    if (there !== undefined) return there;
    const made = new kind();
    this.extensions = new Map([...this.extensions, [kind, made]]);
    return made;
  }

  /** Lets the guest read `delivery` while `run` makes a callback. */
  deliver(delivery: Delivery, run: () => void): void {
    const before = this.delivery;
    this.delivery = delivery;
    try {
      run();
    } finally {
      this.delivery = before;
    }
  }
}

/** A stream of a plugin. */
export class StreamContext extends Context {
  private readonly _root: PluginContext;
  private readonly _stream: StreamPort;

  constructor(root: PluginContext, id: number, stream: StreamPort) {
    super(root.vm, id, root.streamLogPrefix, root.streamLogPrefixId);
    this._root = root;
    this._stream = stream;
  }

  override get root(): PluginContext {
    return this._root;
  }

  override get stream(): StreamPort {
    return this._stream;
  }

  override readFields(map: number): Fields | Status {
    if (map > MapType.ResponseTrailers) {
      const found = super.readFields(map);
      if (typeof found !== "number") return found;
    }
    return this._stream.readFields(map as MapType);
  }

  override writeFields(map: number, isWrite?: boolean): Fields | Status {
    return map > MapType.ResponseTrailers ? Status.BadArgument : this._stream.writeFields(map as MapType, isWrite);
  }

  override listFields(map: number): Fields | undefined {
    return map > MapType.ResponseTrailers ? super.listFields(map) : this._stream.listFields(map as MapType);
  }
}

function pluginProperty(name: string, root: PluginContext): ByteString | undefined {
  if (name === "plugin_name") return root.settings.name;
  if (name === "plugin_root_id") return root.settings.rootId;
  return name === "plugin_vm_id" ? root.vm.settings.vmId : undefined;
}

function prefix(parts: readonly string[]): string {
  return parts
    .filter((part) => part !== "")
    .map((part) => ` ${part}`)
    .join("");
}
