import type { StreamView } from "./http-filter.js";

/** What a guest asks to be done with its stream. It is done when the guest has returned, which may be in the stream's end. */
export type Move = "continue request" | "continue response" | "close" | "reply";

/** Who asked, at the moment when it is to be done. */
export interface Mover {
  readonly stream: StreamView;
  /** proxy_on_log runs, or what was put off until it returned. */
  readonly inLog: boolean;
  /** proxy_on_done and proxy_on_delete run. */
  readonly inEnd: boolean;
  readonly destroyed: boolean;
  /** The plugin closed the stream. */
  readonly closed: boolean;
  /** The plugin trapped, and the client was answered for it. */
  readonly trapped: boolean;
}

/** Nothing: Envoy does nothing. A crash: the words for what ends a real Envoy by SIGSEGV, in every release recorded. */
export type Fate = "done" | "nothing" | { readonly crash: string };

/** What a test is told of a thing that ends a real Envoy. */
export const crashText = (what: string): string => `${what}: a real Envoy crashes here (SIGSEGV); nothing was done`;

const hostcalls: Readonly<Record<Move, string>> = {
  "continue request": "proxy_continue_stream(request)",
  "continue response": "proxy_continue_stream(response)",
  close: "proxy_close_stream",
  reply: "proxy_send_local_response",
};

/**
 * What becomes of a move. [R] The names are those of the recordings that the rule was read from.
 *
 * @param late It was asked for when the stream was being logged or destroyed already.
 */
export function fateOf(move: Move, by: Mover, late: boolean): Fate {
  const { stream, destroyed } = by;
  // trap_after: asked for by a callback that trapped, and the failure, or what was asked for before, has ended the stream
  if (by.trapped && destroyed) return afterTrap(move, stream);
  // asked for before the stream ended, and overtaken by that
  if (!late && stream.finished && !destroyed) {
    if (move === "close") {
      return stream.requestComplete ? { crash: "proxy_close_stream, a second time" } : "nothing"; // close_twice
    }
    if (move === "reply") return overtakenReply(by);
    if (move === "continue request" || stream.responseHeaders !== undefined) return "nothing"; // close_then_continue
  }
  if (by.inLog) return { crash: `${hostcalls[move]} in proxy_on_log` };
  if (by.inEnd) return { crash: `${hostcalls[move]} in proxy_on_done or proxy_on_delete` };
  if (destroyed) {
    // late_in_trailers: they are shown to filters behind the one that ended the stream
    if (late && stream.responseStarted) return { crash: `${hostcalls[move]} on a stream that has ended` };
    // late_close: in a callback that is shown a reply prepared before the stream was cut off
    return late && move === "close" ? { crash: "proxy_close_stream on a stream that has ended" } : "nothing";
  }
  if (move === "continue response" && stream.responseHeaders === undefined) {
    return { crash: "proxy_continue_stream(response) before there is a response" }; // continue_no_response
  }
  return "done";
}

function afterTrap(move: Move, { requestComplete, responseHeaders }: StreamView): Fate {
  const ends = move === "close" ? requestComplete : (move === "reply") === (responseHeaders !== undefined);
  if (!ends || move === "continue request") return "nothing";
  return { crash: `${hostcalls[move]} in a callback that then trapped` };
}

/** close_then_reply: while no response has left, it still reaches the client or the filters. */
function overtakenReply({ stream, closed }: Mover): Fate {
  if (!stream.responseStarted) return "done";
  if (!closed && !stream.requestComplete) return "nothing"; // two_replies_in_read
  const before = closed ? "proxy_close_stream" : "one that went to the client"; // two_replies
  return { crash: `proxy_send_local_response after ${before}, with response headers gone already` };
}
