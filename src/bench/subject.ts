import type { Pair } from "../abi/pairs.js";
import { HarnessError } from "../errors.js";
import { failureError } from "../host/life-cycle.js";
import type { HeaderMap } from "../proxy/header-map.js";
import { headers } from "../harness/headers.js";
import type { Plugin, PluginOptions, PluginSnapshot } from "../harness/plugin.js";
import { loadPlugin } from "../harness/plugin.js";
import type { ModuleSource } from "../harness/source.js";
import type { StreamDriver } from "../harness/stream-driver.js";

/** One request and the upstream's answer to it. */
export interface BenchExchange {
  readonly requestHeaders: readonly Pair[];
  readonly requestBody?: Uint8Array;
  readonly responseHeaders: readonly Pair[];
  readonly responseBody?: Uint8Array;
}

interface Prepared {
  readonly request: HeaderMap;
  readonly requestBody: Uint8Array | undefined;
  readonly response: HeaderMap;
  readonly responseBody: Uint8Array | undefined;
}

/** A plugin with the exchanges that are made on it, one after the other and again from the first. */
export class Subject {
  readonly plugin: Plugin;
  private readonly _exchanges: readonly Prepared[];
  private readonly _start: PluginSnapshot;
  private readonly _streams: number;
  private _next = 0;
  /** A stream that lives: a collection that finds none drops what V8 knows of streams, and all is compiled anew. */
  kept: StreamDriver | undefined;

  private constructor(plugin: Plugin, exchanges: readonly BenchExchange[], streams: number) {
    this.plugin = plugin;
    this._streams = streams;
    this._start = plugin.snapshot();
    this._exchanges = exchanges.map((one) => ({
      request: headers(one.requestHeaders, "request"),
      requestBody: one.requestBody,
      response: headers(one.responseHeaders, "response"),
      responseBody: one.responseBody,
    }));
  }

  /** @param streams How many streams are in flight together. @throws {HarnessError} As `loadPlugin`. */
  static async load(
    module: ModuleSource,
    options: PluginOptions,
    exchanges: readonly BenchExchange[],
    streams: number,
  ): Promise<Subject> {
    return new Subject(await loadPlugin(module, options), exchanges, streams);
  }

  /** On a plugin that runs already. */
  static of(plugin: Plugin, exchanges: readonly BenchExchange[], streams: number): Subject {
    return new Subject(plugin, exchanges, streams);
  }

  /** Back to the state after configuration: leaks of earlier rounds weigh on none. */
  fresh(): void {
    this.plugin.restore(this._start);
    this._next = 0;
  }

  /** Forgets logs and calls: a test looks at them and lets them go; keeping millions would measure the collector. */
  forget(): void {
    this.plugin.clearLogs();
    this.plugin.vm.trace.clear();
    this.plugin.home.callouts.calls.length = 0;
    this.plugin.home.diagnostics.length = 0;
  }

  /** As many exchanges as streams are in flight together. @throws {HarnessError} The plugin failed, or an exchange is not over. */
  exchange(): void {
    if (this._streams === 1) {
      const one = this._exchanges[this._next]!;
      this._next = (this._next + 1) % this._exchanges.length;
      const stream = (this.kept = this.plugin.openHttpStream());
      sendRequest(stream, one);
      this._finish(stream, one);
      return;
    }
    const open: [StreamDriver, Prepared][] = [];
    for (let i = 0; i < this._streams; i++) {
      const one = this._exchanges[this._next]!;
      this._next = (this._next + 1) % this._exchanges.length;
      const stream = (this.kept = this.plugin.openHttpStream());
      sendRequest(stream, one);
      open.push([stream, one]);
    }
    for (const [stream, one] of open) this._finish(stream, one);
  }

  private _finish(stream: StreamDriver, one: Prepared): void {
    if (!stream.finished && stream.upstream.complete) sendResponse(stream, one);
    if (this.plugin.vm.failed) throw failureError(this.plugin.vm);
    if (stream.finished) return;
    const which = stream.upstream.complete ? "response" : "request";
    const waiting = this.plugin.calls.filter(({ state }) => state === "pending").length;
    stream.close();
    throw new HarnessError(
      "EXCHANGE_STUCK",
      `Cannot measure: the plugin holds the ${which}` +
        (waiting === 0
          ? ", and nothing would resume it; look at it with pwh run"
          : " until a call is answered, and pwh bench answers none; give it a request that makes no call"),
    );
  }

  /** Samples in microseconds, one for each exchange, for so many exchanges. @param freshState Restore before each, untimed. */
  sample(times: number, freshState = false): number[] {
    const samples: number[] = [];
    this.plugin.batch(() => {
      for (let i = 0; i < times; i++) {
        if (freshState) this.fresh();
        const start = performance.now();
        this.exchange();
        samples.push(((performance.now() - start) * 1000) / this._streams);
        if (i % 50 === 49) this.forget();
      }
    });
    this.forget();
    return samples;
  }

  close(): void {
    if (!this.plugin.vm.failed) this.plugin.close();
  }
}

function sendRequest(stream: StreamDriver, { request, requestBody }: Prepared): void {
  stream.requestHeaders(request, { endOfStream: requestBody === undefined });
  if (requestBody !== undefined && !stream.finished) stream.requestBody(requestBody, { endOfStream: true });
}

function sendResponse(stream: StreamDriver, { response, responseBody }: Prepared): void {
  stream.responseHeaders(response, { endOfStream: responseBody === undefined });
  if (responseBody !== undefined && !stream.finished) stream.responseBody(responseBody, { endOfStream: true });
}
