import { HarnessError } from "../../errors.js";
import { failureError } from "../../host/life-cycle.js";
import { formatEvent } from "../../host/trace.js";
import { GuestTimeout } from "../../host/guard.js";
import type { Plugin, PluginSnapshot } from "../../harness/plugin.js";
import { loadPlugin } from "../../harness/plugin.js";
import type { FilterOptions } from "../../harness/proxy-options.js";
import type { StreamDriver } from "../../harness/stream-driver.js";
import type { IllegalStep, LegalStep } from "./steps.js";
import { rawStreams } from "./steps.js";

/** Milliseconds that many lists have together: a watchdog for each would cost more than they do. */
const batchMs = 1000;

/** A plugin on which callbacks are made one by one, each list of steps in a fresh state. */
export class RawPlayer {
  /** Callbacks that the plugin exports. */
  readonly callbacks: readonly string[];
  private readonly _plugin: Plugin;
  private readonly _fresh: PluginSnapshot;

  private constructor(plugin: Plugin) {
    this._plugin = plugin;
    this._fresh = plugin.snapshot();
    this.callbacks = Object.values(plugin.vm.callbacks)
      .filter(({ call }) => call !== undefined)
      .map(({ descriptor }) => descriptor.name);
  }

  /** @throws {HarnessError} As `loadPlugin`. */
  static async create(
    { module, configuration, vmConfiguration, rootId, name, environment }: FilterOptions,
    budgetMs: number,
  ): Promise<RawPlayer> {
    const plugin = await loadPlugin(module, {
      budgetMs,
      onFailure: "policy",
      ...(configuration !== undefined && { configuration }),
      ...(vmConfiguration !== undefined && { vmConfiguration }),
      ...(rootId !== undefined && { rootId }),
      ...(name !== undefined && { name }),
      ...(environment !== undefined && { environment }),
    });
    return new RawPlayer(plugin);
  }

  /** Steps that the plugin's own answers made impossible are left out. @returns Why it failed. */
  playLegal(steps: readonly LegalStep[]): HarnessError | undefined {
    const streams = new Map<number, StreamDriver>();
    return this._played(() => {
      for (const one of steps) {
        if (this._plugin.vm.failed) return;
        if (one.step === "wait") {
          this._plugin.clock.advance(one.ms);
          continue;
        }
        let stream = streams.get(one.stream);
        if (stream === undefined) streams.set(one.stream, (stream = this._plugin.openHttpStream()));
        if (one.step === "close") stream.close();
        else if (!stream.finished) hand(stream, one);
      }
      for (const stream of streams.values()) if (!this._plugin.vm.failed) stream.close();
    });
  }

  /** Past the host's own order: only the guest's exports are called. @returns Why it failed. */
  playIllegal(steps: readonly IllegalStep[]): HarnessError | undefined {
    return this._played(() => {
      const { root, vm } = this._plugin;
      // the guest is not told of a stream before its headers
      const streams = Array.from({ length: rawStreams }, () => this._plugin.openHttpStream());
      const callbacks = Object.values(vm.callbacks);
      for (const { callback, stream, args } of steps) {
        if (vm.failed) return;
        const linked = callbacks.find(({ descriptor }) => descriptor.name === callback);
        const context = stream < 0 ? root : vm.contexts.get(streams[stream]!.contextId);
        if (linked === undefined || context === undefined) continue;
        const [a, b, c, d] = args;
        vm.enter(linked, context, a, b, c, d);
        vm.finish();
      }
    });
  }

  /** Plays many lists under one watchdog. @returns False when it ended them. */
  batch(work: () => void): boolean {
    try {
      this._plugin.vm.guard.run(work, undefined, batchMs);
      return true;
    } catch (thrown) {
      if (thrown instanceof GuestTimeout) return false;
      throw thrown;
    }
  }

  lastCalls(): string[] {
    return this._plugin.trace.slice(-12).map((event) => formatEvent(event));
  }

  close(): void {
    this._plugin.restore(this._fresh);
    this._plugin.close();
  }

  private _played(work: () => void): HarnessError | undefined {
    const { vm } = this._plugin;
    this._plugin.restore(this._fresh);
    vm.trace.clear();
    try {
      if (vm.guard.active) work();
      else vm.guard.run(work);
    } catch (thrown) {
      if (thrown instanceof HarnessError) return thrown;
      if (!(thrown instanceof GuestTimeout) || vm.guard.active) throw thrown;
      if (!vm.failed)
        return new HarnessError("GUEST_TIMEOUT", `Callbacks stopped: ${thrown.message}`, { cause: thrown });
    }
    return vm.failed ? failureError(vm) : undefined;
  }
}

function hand(stream: StreamDriver, one: Extract<LegalStep, { end: boolean }>): void {
  const isRequest = one.part.startsWith("request");
  // what the plugin decided by itself takes the place of what would come
  if (isRequest ? stream.upstream.complete : stream.client.complete) return;
  const end = { endOfStream: one.end };
  try {
    if (one.step === "body") {
      if (isRequest) stream.requestBody(one.bytes, end);
      else stream.responseBody(one.bytes, end);
    } else if (one.step === "trailers") {
      if (isRequest) stream.requestTrailers(one.lines);
      else stream.responseTrailers(one.lines);
    } else if (isRequest) {
      stream.requestHeaders(one.lines, end);
    } else {
      stream.responseHeaders(one.lines, end);
    }
  } catch (thrown) {
    // the order is no host's any more: the plugin answered, or ended the stream
    if (!(thrown instanceof HarnessError && thrown.code === "ILLEGAL_CALL")) throw thrown;
  }
}
