import type { AbiTraits } from "../abi/version.js";
import type { EngineExports } from "../vm/engine.js";
import type { ModuleInfo } from "../vm/module-info.js";

/** A function that a guest may export and the host calls: its parameters (all i32) and what it answers. */
export interface CallbackDescriptor {
  readonly name: string;
  readonly params: readonly string[];
  /** `action`: how the stream goes on; `bool`: false is a refusal; `none`: nothing. */
  readonly result: "action" | "bool" | "none";
  /** Parameters in ABI 0.1.0, where it has fewer. */
  readonly paramsIn010?: readonly string[];
  /** What a missing export counts as. */
  readonly absent: number;
  readonly doc: string;
}

const none = "none" as const;
const action = "action" as const;
const bool = "bool" as const;

/** Every callback of the three versions, and the two that Envoy adds. [S] v0.2.1 [H] wasm.cc getFunctions [E] */
export const callbackDescriptors = [
  {
    name: "proxy_on_context_create",
    params: ["context", "parent"],
    result: none,
    absent: 0,
    doc: "A context begins; parent 0 makes it a plugin's root.",
  },
  {
    name: "proxy_on_vm_start",
    params: ["root", "vm_configuration_size"],
    result: bool,
    absent: 1,
    doc: "Once for each root context of a VM. 0 fails the start.",
  },
  {
    name: "proxy_validate_configuration",
    params: ["root", "configuration_size"],
    result: bool,
    absent: 1,
    doc: "Looked up, never called by any host we know.",
  },
  {
    name: "proxy_on_configure",
    params: ["root", "plugin_configuration_size"],
    result: bool,
    absent: 1,
    doc: "0 refuses the configuration.",
  },
  { name: "proxy_on_tick", params: ["root"], result: none, absent: 0, doc: "The root's timer." },
  {
    name: "proxy_on_queue_ready",
    params: ["root", "queue"],
    result: none,
    absent: 0,
    doc: "Once for each item put into a queue that this root registered last.",
  },
  {
    name: "proxy_on_foreign_function",
    params: ["context", "function", "arguments_size"],
    result: none,
    absent: 0,
    doc: "The host calls the plugin; arguments in buffer 8.",
  },
  { name: "proxy_on_new_connection", params: ["context"], result: action, absent: 0, doc: "TCP: a connection came." },
  {
    name: "proxy_on_downstream_data",
    params: ["context", "data_size", "end_of_stream"],
    result: action,
    absent: 0,
    doc: "TCP: data from the client, in buffer 2.",
  },
  {
    name: "proxy_on_upstream_data",
    params: ["context", "data_size", "end_of_stream"],
    result: action,
    absent: 0,
    doc: "TCP: data from the upstream, in buffer 3.",
  },
  {
    name: "proxy_on_downstream_connection_close",
    params: ["context", "peer"],
    result: none,
    absent: 0,
    doc: "TCP: the client's side closed.",
  },
  {
    name: "proxy_on_upstream_connection_close",
    params: ["context", "peer"],
    result: none,
    absent: 0,
    doc: "TCP: the upstream's side closed.",
  },
  {
    name: "proxy_on_request_headers",
    params: ["context", "headers", "end_of_stream"],
    paramsIn010: ["context", "headers"],
    result: action,
    absent: 0,
    doc: "Request headers came, in map 0.",
  },
  {
    name: "proxy_on_request_body",
    params: ["context", "body_size", "end_of_stream"],
    result: action,
    absent: 0,
    doc: "A part of the request body, in buffer 0.",
  },
  {
    name: "proxy_on_request_trailers",
    params: ["context", "trailers"],
    result: action,
    absent: 0,
    doc: "Request trailers came, in map 1.",
  },
  {
    name: "proxy_on_request_metadata",
    params: ["context", "elements"],
    result: action,
    absent: 0,
    doc: "HTTP/2 METADATA; the answer is ignored.",
  },
  {
    name: "proxy_on_response_headers",
    params: ["context", "headers", "end_of_stream"],
    paramsIn010: ["context", "headers"],
    result: action,
    absent: 0,
    doc: "Response headers came, in map 2.",
  },
  {
    name: "proxy_on_response_body",
    params: ["context", "body_size", "end_of_stream"],
    result: action,
    absent: 0,
    doc: "A part of the response body, in buffer 1.",
  },
  {
    name: "proxy_on_response_trailers",
    params: ["context", "trailers"],
    result: action,
    absent: 0,
    doc: "Response trailers came, in map 3.",
  },
  {
    name: "proxy_on_response_metadata",
    params: ["context", "elements"],
    result: action,
    absent: 0,
    doc: "HTTP/2 METADATA; the answer is ignored.",
  },
  {
    name: "proxy_on_http_call_response",
    params: ["root", "token", "headers", "body_size", "trailers"],
    result: none,
    absent: 0,
    doc: "The answer to proxy_http_call: maps 6 and 7, buffer 4. All counts 0: the call failed.",
  },
  {
    name: "proxy_on_grpc_receive_initial_metadata",
    params: ["root", "token", "headers"],
    result: none,
    absent: 0,
    doc: "gRPC stream: initial metadata, in map 4.",
  },
  {
    name: "proxy_on_grpc_receive",
    params: ["root", "token", "message_size"],
    result: none,
    absent: 0,
    doc: "A gRPC message, in buffer 5.",
  },
  {
    name: "proxy_on_grpc_receive_trailing_metadata",
    params: ["root", "token", "trailers"],
    result: none,
    absent: 0,
    doc: "gRPC stream: trailing metadata, in map 5.",
  },
  {
    name: "proxy_on_grpc_close",
    params: ["root", "token", "grpc_status"],
    result: none,
    absent: 0,
    doc: "A gRPC call failed, or a stream ended.",
  },
  {
    name: "proxy_on_done",
    params: ["context"],
    result: bool,
    absent: 1,
    doc: "A context ends. A root may answer 0 and call proxy_done later.",
  },
  { name: "proxy_on_log", params: ["context"], result: none, absent: 0, doc: "A stream is complete: last look." },
  { name: "proxy_on_delete", params: ["context"], result: none, absent: 0, doc: "The last callback of a context." },
  {
    name: "envoy_on_resolve_dns",
    params: ["root", "token", "result_size"],
    result: none,
    absent: 0,
    doc: "[E] The answer to envoy_resolve_dns, in buffer 8.",
  },
  {
    name: "envoy_on_stats_update",
    params: ["root", "update_size"],
    result: none,
    absent: 0,
    doc: "[E] Statistics, for a stats sink, in buffer 8.",
  },
] as const satisfies readonly CallbackDescriptor[];

export type CallbackName = (typeof callbackDescriptors)[number]["name"];

/** The parameters of a callback for a module of this version. */
export function callbackParams(descriptor: CallbackDescriptor, abi: AbiTraits): readonly string[] {
  return abi.headersCarryEndOfStream ? descriptor.params : (descriptor.paramsIn010 ?? descriptor.params);
}

/** A callback tied to one instance. */
export interface LinkedCallback {
  readonly descriptor: CallbackDescriptor;
  readonly arity: number;
  /** Undefined when the module does not export it, or may not. */
  readonly call: ((...args: number[]) => number | undefined) | undefined;
}

export type LinkedCallbacks = Readonly<Record<CallbackName, LinkedCallback>>;

/** Ties the exports of an instance to the callbacks that its version knows. `allowed` restricts by name. [H] §9.4 */
export function linkCallbacks(
  exports: EngineExports,
  abi: AbiTraits,
  allowed: ReadonlySet<string> | undefined,
): LinkedCallbacks {
  const linked: Partial<Record<CallbackName, LinkedCallback>> = {};
  for (const descriptor of callbackDescriptors) {
    const exported = exports[descriptor.name];
    const known = descriptor.name !== "proxy_on_foreign_function" || abi.foreignFunctionCallback;
    const isCapability = descriptor.name.startsWith("proxy_"); // [E] its own callbacks are looked up without asking
    const usable = known && (allowed === undefined || !isCapability || allowed.has(descriptor.name));
    linked[descriptor.name] = {
      descriptor,
      arity: callbackParams(descriptor, abi).length,
      call: usable && typeof exported === "function" ? (exported as (...args: number[]) => number) : undefined,
    };
  }
  return linked as LinkedCallbacks;
}

/** A callback that a module exports with another type than its version says. */
export interface WrongExport {
  readonly name: string;
  readonly want: string;
  readonly have: string;
}

/** The callbacks of a module that have another type than its version says: Envoy refuses such a module. [H] */
export function wrongCallbacks(
  info: ModuleInfo,
  abi: AbiTraits,
  signature: (type: { params: readonly string[]; results: readonly string[] }) => string,
): WrongExport[] {
  const wrong: WrongExport[] = [];
  for (const descriptor of callbackDescriptors) {
    if (descriptor.name === "proxy_on_foreign_function" && !abi.foreignFunctionCallback) continue;
    const exported = info.exports.find((one) => one.name === descriptor.name && one.kind === "function");
    if (exported?.type === undefined) continue;
    const params = callbackParams(descriptor, abi).map(() => "i32");
    const want = signature({ params, results: descriptor.result === "none" ? [] : ["i32"] });
    const have = signature(exported.type);
    if (want !== have) wrong.push({ name: descriptor.name, want, have });
  }
  return wrong;
}
