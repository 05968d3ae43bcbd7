import type { ByteString } from "../abi/bytes.js";
import type { LogLevel } from "../abi/enums.js";
import { Status } from "../abi/enums.js";
import type { Behaviour } from "./behaviour.js";
import type { Callouts } from "./callouts.js";
import type { DiagnosticCode } from "./diagnostics.js";
import type { ForeignFunction } from "./foreign-function.js";
import { LogBook } from "./log-book.js";
import type { PluginVm } from "./plugin-vm.js";
import { Clock } from "./services/clock.js";
import { MetricStore } from "./services/metrics.js";
import type { RandomSource } from "./services/random.js";
import { SeededRandom } from "./services/random.js";
import type { ResolveDns } from "./services/dns.js";
import { dnsAnswers } from "./services/dns.js";
import { SharedData } from "./services/shared-data.js";
import { SharedQueues } from "./services/shared-queues.js";
import type { PropertyValue } from "./stream-port.js";

export interface ProcessOptions {
  readonly behaviour: Behaviour;
  readonly callouts: Callouts;
  readonly clock?: Clock;
  readonly random?: RandomSource;
  /** Lines below this level are not kept, and `proxy_get_log_level` answers it. Default info (2), as Envoy's. */
  readonly logLevel?: LogLevel;
  /** What a property means where there is no stream. Default: NOT_FOUND. */
  readonly property?: (segments: readonly ByteString[]) => PropertyValue;
  readonly foreignFunctions?: ReadonlyMap<string, ForeignFunction>;
  /** Log every call across the border with raw arguments, as Envoy does at level trace. Default false. */
  readonly logsCrossings?: boolean;
  /** Where names are looked up. Default: only addresses are found. */
  readonly resolveDns?: ResolveDns;
  /** Another thread of the same process: clock, shared data, queues and metrics are one; log and VMs are its own. */
  readonly threadOf?: HostProcess;
}

/** Everything that the VMs of one proxy process share. */
export class HostProcess {
  readonly behaviour: Behaviour;
  readonly callouts: Callouts;
  readonly clock: Clock;
  readonly random: RandomSource;
  readonly log = new LogBook();
  readonly sharedData: SharedData;
  readonly queues: SharedQueues;
  readonly metrics: MetricStore;
  /** The VMs that were made and not ended. */
  readonly vms: PluginVm[] = [];
  readonly foreignFunctions: ReadonlyMap<string, ForeignFunction>;
  readonly resolveDns: ResolveDns;
  readonly property: (segments: readonly ByteString[]) => PropertyValue;
  /** Gets every function of both sides when an instance is linked, and gives what is linked instead: for those who measure. */
  tap: (<F>(kind: "callback" | "hostcall", name: string, target: F) => F) | undefined;
  readonly logsCrossings: boolean;
  logLevel: LogLevel;
  /** Something a person should know that no status tells: a local response that went nowhere, malformed pairs. */
  onDiagnostic: (code: DiagnosticCode, message: string) => void = () => {};

  constructor(options: ProcessOptions) {
    this.behaviour = options.behaviour;
    this.callouts = options.callouts;
    const first = options.threadOf;
    this.clock = options.clock ?? first?.clock ?? new Clock();
    this.sharedData = first?.sharedData ?? new SharedData();
    this.queues = first?.queues ?? new SharedQueues();
    this.metrics = first?.metrics ?? new MetricStore();
    this.random = options.random ?? new SeededRandom(1);
    this.logLevel = options.logLevel ?? 2;
    this.logsCrossings = options.logsCrossings ?? false;
    this.tap = undefined;
    this.foreignFunctions = options.foreignFunctions ?? new Map();
    this.resolveDns = options.resolveDns ?? dnsAnswers({});
    this.property = options.property ?? (() => Status.NotFound);
  }
}
