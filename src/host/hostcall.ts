import { Status } from "../abi/enums.js";
import type { Body, FunctionDescriptor, Phases } from "../vm/import-function.js";
import type { Parameter } from "../vm/parameters.js";
import { enumeration } from "../vm/parameters.js";
import type { PluginVm } from "./plugin-vm.js";

/** A hostcall: how guests call it, and what it does. `call` is the VM, whose acting context it is about. */
export type Hostcall = FunctionDescriptor<PluginVm>;

/** Describes a hostcall. The parameters are its signature, its trace and its documentation; the body is what it does. */
export function hostcall<P extends Readonly<Record<string, Parameter>>>(
  spec: { readonly name: string; readonly params: P; readonly phases?: Phases; readonly result?: "status" | "value" },
  body: Body<PluginVm, P>,
): Hostcall {
  return { name: spec.name, params: spec.params, phases: spec.phases ?? {}, result: spec.result ?? "status", body };
}

export const mapType = enumeration(
  "map",
  [
    "request headers",
    "request trailers",
    "response headers",
    "response trailers",
    "gRPC initial metadata",
    "gRPC trailing metadata",
    "call response headers",
    "call response trailers",
  ],
  Status.BadArgument,
);

export const bufferType = enumeration(
  "buffer",
  [
    "request body",
    "response body",
    "downstream data",
    "upstream data",
    "call response body",
    "gRPC message",
    "VM configuration",
    "plugin configuration",
    "foreign function arguments",
  ],
  Status.BadArgument,
);

export const streamType = enumeration("stream", ["request", "response", "downstream", "upstream"], Status.BadArgument);

export const logLevel = enumeration(
  "level",
  ["trace", "debug", "info", "warn", "error", "critical"],
  Status.BadArgument,
);
