import type { Hostcall } from "../hostcall.js";
import * as buffers from "./buffers.js";
import * as clocks from "./clocks.js";
import * as contextLifecycle from "./context-lifecycle.js";
import * as dns from "./dns.js";
import * as foreignFunctions from "./foreign-functions.js";
import * as grpcCalls from "./grpc-calls.js";
import * as httpCalls from "./http-calls.js";
import * as httpFields from "./http-fields.js";
import * as localResponse from "./local-response.js";
import * as logging from "./logging.js";
import * as metrics from "./metrics.js";
import * as properties from "./properties.js";
import * as sharedData from "./shared-data.js";
import * as sharedQueues from "./shared-queues.js";
import * as status from "./status.js";
import * as streams from "./streams.js";
import * as timers from "./timers.js";

/** The chapters of the specification, in its order, each with its hostcalls. */
export const hostcallChapters: Readonly<Record<string, Readonly<Record<string, Hostcall>>>> = {
  "Context lifecycle": contextLifecycle,
  Logging: logging,
  Clocks: clocks,
  Timers: timers,
  Buffers: buffers,
  "HTTP fields": httpFields,
  Streams: streams,
  "Local response": localResponse,
  "HTTP calls": httpCalls,
  "gRPC calls": grpcCalls,
  Status: status,
  "Shared data": sharedData,
  "Shared queues": sharedQueues,
  Metrics: metrics,
  Properties: properties,
  "Foreign functions": foreignFunctions,
  "Envoy's own": dns,
};

/** Every hostcall of module `env`, by name. */
export const hostcalls: ReadonlyMap<string, Hostcall> = new Map(
  Object.values(hostcallChapters)
    .flatMap((chapter) => Object.values(chapter))
    .map((one) => [one.name, one]),
);
