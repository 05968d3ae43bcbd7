import { isScalar } from "yaml";
import { utf8, utf8ByteString } from "../abi/bytes.js";
import { logLevelNames } from "../abi/enums.js";
import type { BytesMatcher } from "./matchers.js";
import type { Shape } from "./reader.js";
import type { Field } from "./shape.js";
import {
  changed,
  defined,
  either,
  entries,
  flag,
  integer,
  list,
  located,
  name,
  object,
  oneOrMore,
  placeless,
  text,
  word,
} from "./shape.js";
import type { Expectations, Located, LogExpectation } from "./types.js";
import { conditionFields, conditionOf, headerList, headerMatchers, matcher } from "./values.js";

const status = located(integer(0, 999));
const message = {
  headers: [headerMatchers, "Headers among others: a text, a list of values, a condition, absent: true"],
  headerList: [located(headerList), "The whole list in order, pseudo headers left out"],
  trailers: [headerMatchers, "Trailers among others"],
  body: [located(matcher), "A text, or a condition"],
} as const;

const response = defined(
  "response",
  object("an expected response", {
    status: [status, "0: none came"],
    ...message,
    complete: [located(flag), "The response came whole"],
    reset: [located(flag), "The proxy cut the stream off"],
  }),
);

const outgoing = {
  upstream: [located(name), "Name of the upstream"],
  method: [located(matcher), "A text, or a condition"],
  path: [located(matcher), "A text, or a condition"],
  ...message,
} as const;

const upstreamRequest = defined("upstreamRequest", object("an expected request", outgoing));

const call = defined(
  "call",
  object("an expected call", {
    ...outgoing,
    status: [status, "Of the answer"],
    outcome: [located(word(["pending", "answered", "failed", "cancelled"])), "What became of it"],
  }),
);

const logItem: Shape<LogExpectation> = either(
  changed(text, (given): LogExpectation => ({ message: { exactly: utf8(given) } })),
  changed(
    object("an expected line", { level: [word(logLevelNames), "Level of the line"], ...conditionFields }),
    (given, node, reader): LogExpectation | undefined => {
      const { level, ...condition } = placeless(given);
      const message = Object.keys(condition).length > 0 ? conditionOf(condition, node, reader) : {};
      return message && { ...(level !== undefined && { level }), message };
    },
  ),
);

const whole: Shape<bigint> = {
  words: "a whole number",
  schema: { type: "integer" },
  takes: (node) => isScalar(node) && typeof node.value === "number",
  read(node, reader) {
    const source = String((node as { source?: unknown }).source ?? "");
    return /^\d+$/.test(source) ? BigInt(source) : reader.wrong(node, "a whole number");
  },
};

const metricValue = either(whole, either(word(["absent"]), list(whole, "a list of samples")));

const properties = changed(
  entries(matcher, "expected properties by path"),
  (all): NonNullable<Expectations["properties"]> =>
    all.map(({ key, value, where }) => ({ where, value: { path: utf8ByteString(key), is: value } })),
);

const textsByName = changed(
  entries(matcher, "expected values by name"),
  (all): Located<{ readonly name: string; readonly is: BytesMatcher }>[] =>
    all.map(({ key, value, where }) => ({ where, value: { name: key, is: value } })),
);

const accessFields = {
  code: "Status that the client got; 0: none",
  details: "Response code details",
  flags: "Response flags: UF,URX; - for none",
  method: "",
  path: "",
  protocol: "",
  cluster: "",
  route: "",
  grpcStatus: "",
  requestBytes: "",
  responseBytes: "",
} as const;
type AccessField = keyof typeof accessFields;

const access = changed(
  object(
    "an expected line of the access log",
    Object.fromEntries(
      Object.entries(accessFields).map(([key, about]) => [key, [located(matcher), about] as const]),
    ) as unknown as Readonly<Record<AccessField, Field<Located<BytesMatcher>>>>,
  ),
  (given): NonNullable<Expectations["access"]> =>
    Object.entries(placeless(given)).map(([field, one]) => ({ where: one.where, value: { field, is: one.value } })),
);

const logs = oneOrMore(located(logItem), "a list of lines");

/** What has to be true after a step, or after the whole case. */
export const expectations: Shape<Expectations> = defined(
  "expectations",
  object("expectations", {
    response: [response, "What the client got"],
    reply: [response, "What the client got from the plugin itself, without any upstream being asked"],
    upstreamRequest: [
      either(located(word(["none"], "keys and values, or")), upstreamRequest),
      "What the upstream got; none: nothing came there",
    ],
    logs: [logs, "Lines in this order, with any others between them"],
    noLogs: [logs, "No line is so"],
    metrics: [
      changed(entries(metricValue, "expected values by metric"), (all): NonNullable<Expectations["metrics"]> =>
        all.map(({ key, value, where }) => ({ where, value: { name: utf8ByteString(key), value } })),
      ),
      "Value of a counter or gauge, list of samples of a histogram, or absent",
    ],
    calls: [located(list(call, "a list of calls")), "All calls that plugins made, oldest first"],
    properties: [properties, "Properties that plugins set, by path"],
    stats: [textsByName, "Statistics as Envoy's /stats prints them"],
    access: [access, "The line of the access log"],
    failure: [
      located(
        object("an expected failure", {
          code: [name, "Such as GUEST_TRAPPED"],
          message: [matcher, "A text, or a condition"],
        }),
      ),
      "The plugin fails: the case passes only if it does",
    ],
    snapshot: [located(name), "Everything seen is as pwh test --update wrote it down under this name"],
  }),
);
