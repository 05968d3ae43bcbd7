import { Status } from "../abi/enums.js";
import type { HostFunctions } from "../host/host-function.js";
import { hostcalls } from "../host/hostcalls/index.js";
import type { FunctionDescriptor } from "../vm/import-function.js";
import type { HostFault } from "./case.js";
import type { CaseSettings } from "./generate/messages.js";

/** Name under which the guest's allocator fails; it answers 0 whatever the status says. */
export const allocator = "the allocator";

/** Statuses that Envoy may answer to any hostcall, in the order of use. */
const statuses = [Status.InternalFailure, Status.BadArgument, Status.NotFound];

/** Lets hostcalls of one plugin fail where a case says so. */
export class FaultyHost {
  /** Hostcalls that the plugin imports, as the plugin's own host functions. */
  readonly functions: HostFunctions;
  readonly settings: CaseSettings;
  /** The hostcalls whose faults of the case came true. */
  readonly hit: string[] = [];
  private _faults: readonly HostFault[] = [];
  private readonly _calls = new Map<string, number>();

  /** @param imports Names of what the module imports from `env`. */
  constructor(imports: readonly string[]) {
    const known = imports.filter((name) => hostcalls.has(name) && name.startsWith("proxy_"));
    const env = Object.fromEntries(
      known.map((name) => [name, this._wrapped(hostcalls.get(name) as unknown as FunctionDescriptor)]),
    );
    this.functions = { env };
    // nobody can do anything about a line that is not logged
    const faulty = known.filter((name) => name !== "proxy_log" && name !== "proxy_done");
    this.settings = { faulty: [...faulty, allocator].map((hostcall) => ({ hostcall, statuses })) };
  }

  /** A case begins. */
  begin(faults: readonly HostFault[] | undefined): void {
    this._faults = faults ?? [];
    this.hit.length = 0;
    if (this._calls.size > 0) this._calls.clear();
  }

  /** The status of this call if it is to fail. */
  fails(name: string): number | undefined {
    if (this._faults.length === 0) return undefined;
    const nth = (this._calls.get(name) ?? 0) + 1;
    this._calls.set(name, nth);
    const fault = this._faults.find((one) => one.hostcall === name && one.nth === nth);
    if (fault === undefined) return undefined;
    this.hit.push(name);
    return fault.status;
  }

  private _wrapped(known: FunctionDescriptor): FunctionDescriptor {
    const body = known.body as (scope: unknown, args: unknown) => unknown;
    const { name } = known;
    return { ...known, body: (scope: unknown, args: unknown) => this.fails(name) ?? body(scope, args) };
  }
}
