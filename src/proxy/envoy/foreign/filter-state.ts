import { utf8 } from "../../../abi/bytes.js";
import { LogLevel, Status } from "../../../abi/enums.js";
import type { ForeignFunction } from "../../../host/foreign-function.js";
import { lifeSpan } from "../filter-state.js";
import type { Profile } from "../profiles.js";
import { envoyStreamOf } from "./envoy-stream.js";
import { ScalarMessage } from "./message.js";

const anything = (): boolean => true;
const whole =
  (highest: number) =>
  (text: string): boolean =>
    /^\d+$/.test(text) && Number(text) <= highest;

/**
 * Objects that Envoy can make from a text, and which texts it takes. [R] envoy.tcp_proxy.cluster, envoy.string and
 * envoy.upstream.dynamic_port; the others from Envoy's page "Well Known Filter State Objects".
 */
const factories: Readonly<Record<string, (text: string) => boolean>> = {
  "envoy.string": anything,
  "envoy.hashable_string": anything,
  "envoy.tcp_proxy.cluster": anything,
  "envoy.tcp_proxy.disable_tunneling": anything,
  "envoy.tcp_proxy.per_connection_idle_timeout_ms": whole(Number.MAX_SAFE_INTEGER),
  "envoy.network.upstream_server_name": anything,
  "envoy.network.upstream_subject_alt_names": anything,
  "envoy.network.application_protocols": anything,
  "envoy.upstream.dynamic_host": anything,
  "envoy.upstream.dynamic_port": whole(65_535),
  "envoy.ratelimit.hits_addend": whole(0xffffffff),
};

/**
 * `set_envoy_filter_state`: { 1 path, 2 value, 3 span } becomes an object of the stream's filter state.
 *
 * NOT_FOUND without a stream and for a path without an object factory; BAD_ARGUMENT for bytes that are no such message and a
 * value that the factory refuses. A name that is there with another span is left as it is, and OK all the same: Envoy logs that.
 */
export const setEnvoyFilterState =
  (profile: Profile): ForeignFunction =>
  (bytes, effective) => {
    const context = profile.filterStateOfEffective ? effective : effective.vm.current;
    const args = ScalarMessage.parse(bytes, [1, 2]);
    if (args === undefined) return Status.BadArgument;
    const [path, value] = [args.string(1), args.string(2)];
    const accepts = Object.hasOwn(factories, path) ? factories[path] : undefined;
    if (accepts === undefined) return Status.NotFound;
    const stream = envoyStreamOf(context);
    if (stream === undefined) return Status.NotFound;
    if (!accepts(value)) return Status.BadArgument;
    if (!stream.properties.filterState.put(path, utf8(value), lifeSpan(args.number(3)))) {
      const { log } = context.vm.process;
      const line = `envoy bug failure: false. Details: FilterStateAccessViolation: FilterState::setData<T> called twice with conflicting life_span on the same data_name${profile.namesConflicts ? `: ${path}` : ""}.`;
      log.write(LogLevel.Error, "host", 0, "envoy_bug", utf8(line));
    }
    return Status.Ok;
  };
