import type { Pair } from "../abi/pairs.js";
import type { RunOptions } from "../harness/run.js";
import { pairsOf } from "../harness/headers.js";
import type { HeadersInput } from "../harness/headers.js";
import type { Draft } from "./record.js";
import { recordScenario } from "./record.js";

/**
 * The exchange of `run(module, options)` as a scenario file: the same plugin, request and answer, on a whole proxy. Calls of the
 * plugin are answered with 200 there.
 *
 * @param file Where it will stand.
 * @throws {HarnessError} As `recordScenario`.
 */
export function saveRun(module: string, options: RunOptions, file: string): Promise<string> {
  const { configuration, vmConfiguration, name, rootId, vmId, environment, properties, exchange = {} } = options;
  const plugin: Draft["plugin"] = {
    module,
    ...(name !== undefined && { name }),
    ...(rootId !== undefined && { rootId }),
    ...(vmId !== undefined && { vmId }),
    ...(configuration !== undefined && { configuration }),
    ...(vmConfiguration !== undefined && { vmConfiguration }),
    ...(environment && { environment }),
  };
  const { headers, trailers, response = {}, ...rest } = exchange;
  const { headers: answered, trailers: ended, ...reply } = response;
  const method = rest.method ?? (rest.body === undefined ? "GET" : "POST");
  const path = rest.path ?? "/";
  return recordScenario(
    {
      plugin,
      ...(properties && Object.keys(properties).length > 0 && { properties }),
      cases: [
        {
          name: `${method} ${path}`,
          request: { ...rest, ...given("headers", headers), ...given("trailers", trailers) },
          reply: { status: 200, body: "hello", ...reply, ...given("headers", answered), ...given("trailers", ended) },
        },
      ],
    },
    file,
  );
}

/** Nothing where the list is empty. */
function given(key: "headers" | "trailers", list: HeadersInput | undefined): { headers?: Pair[]; trailers?: Pair[] } {
  const pairs = list === undefined ? [] : pairsOf(list);
  return pairs.length === 0 ? {} : { [key]: pairs };
}
