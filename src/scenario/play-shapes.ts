import type { FuzzCase, FuzzExchange } from "../fuzz/case.js";
import { propertyNames } from "../fuzz/property-names.js";
import { pairsOf } from "../harness/headers.js";
import type { ProxyRequest } from "../harness/exchange.js";
import type { Reply } from "../harness/upstreams.js";
import { reply, request } from "./exchange-shapes.js";
import { changed, defined, flag, integer, list, name, object, oneOrMore, placeless, word } from "./shape.js";

/** Names of properties of `pwh fuzz`. */
export const holds = oneOrMore(word(propertyNames, "a property of pwh fuzz:"), "a list of properties");

/** Headers are a list and bodies are pieces, whatever way they were written. */
function inPieces<T extends Pick<Reply, "headers" | "body" | "trailers">>({ headers, body, trailers, ...rest }: T) {
  return {
    ...rest,
    headers: headers === undefined ? [] : pairsOf(headers),
    ...(body !== undefined && { body: body as Uint8Array[] }), // so the shape reads it
    ...(trailers !== undefined && { trailers: pairsOf(trailers) }),
  };
}

function exchangeOf(sent: ProxyRequest, answer: Reply = {}): FuzzExchange {
  const method = sent.method ?? (sent.body === undefined ? "GET" : "POST");
  const plain = { method, path: "/", authority: "example.com", protocol: "HTTP/1.1" } as const;
  return { request: { ...plain, ...inPieces(sent) }, reply: { status: 200, ...inPieces(answer) } };
}

const exchange = changed(
  object("an exchange", { request: [request, "What the client sends"], reply: [reply, "Default an empty 200"] }, [
    "request",
  ]),
  (given): FuzzExchange => exchangeOf(given.request!, given.reply),
);

const fault = object(
  "a fault of the host",
  {
    hostcall: [name, "Name of the hostcall, or: the allocator"],
    nth: [integer(1, 1_000_000), "The call that fails, from 1"],
    status: [integer(0, 2 ** 32 - 1), "The status that it answers; it does nothing"],
  },
  ["hostcall", "nth", "status"],
);

/** A case of `pwh fuzz`, with what its properties need. */
export interface Play {
  readonly case: FuzzCase | undefined;
  readonly declared?: readonly string[];
  readonly profiles?: readonly string[];
}

/** What `pwh fuzz` plays to a plugin in a fresh state. */
export const play = defined(
  "play",
  changed(
    object("what is played", {
      exchanges: [list(exchange, "a list of exchanges"), "One after the other. Default none: the plugin only starts"],
      together: [flag, "All exchanges begin before the first is over. Default false"],
      repeat: [integer(1, 65_536), "How often they are played on the same plugin. Default 1"],
      callReply: [reply, "What every call of the plugin is answered. Default an empty 200"],
      faults: [list(fault, "a list of faults"), "Hostcalls that fail"],
      declared: [oneOrMore(name, "a list of names"), "For declared-headers-only: what the plugin may change"],
      profiles: [oneOrMore(name, "a list of releases"), "For profiles-agree: releases of Envoy"],
    }),
    (given): Play => {
      const { exchanges = [], together, repeat = 1, callReply = {}, faults, declared, profiles } = placeless(given);
      return {
        case:
          exchanges.length === 0
            ? undefined
            : {
                exchanges,
                ...(together === true && { together }),
                repeat,
                callReply,
                ...(faults && { faults: faults.map((one) => placeless(one) as Required<typeof one>) }),
              },
        ...(declared && { declared }),
        ...(profiles && { profiles }),
      };
    },
  ),
);
