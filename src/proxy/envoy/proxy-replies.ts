import { concat, utf8 } from "../../abi/bytes.js";
import type { HeaderMap } from "../header-map.js";
import type { LocalReply } from "../local-reply.js";
import type { ListenerSettings } from "./settings.js";

/** A local reply as `local_reply_config` makes it. [E] */
export function mappedReply(reply: LocalReply, mappers: ListenerSettings["localReplyMappers"]): LocalReply {
  const mapper = mappers.find(({ status }) => status === reply.status);
  if (mapper === undefined) return reply;
  return {
    ...reply,
    status: mapper.newStatus ?? reply.status,
    headers: [...reply.headers, ...(mapper.headersToAdd ?? [])],
    body: mapper.body === undefined ? reply.body : formatted(mapper.body, reply),
  };
}

/** Of the command operators only the one that local replies are about. */
function formatted(format: string, { body }: LocalReply): Uint8Array {
  const parts = format.split("%LOCAL_REPLY_BODY%").flatMap((text, i) => (i === 0 ? [utf8(text)] : [body, utf8(text)]));
  return concat(parts);
}

/** What takes the place of a response that cannot leave as it is. [E] checkRequiredResponseHeaders */
export function responseRefusal(headers: HeaderMap): LocalReply | undefined {
  if (/^\d+$/.test(headers.first(":status") ?? "")) return undefined;
  const why = "missing required header: :status";
  const details = `filter_removed_required_response_headers{${why.replaceAll(" ", "_")}}`;
  return { status: 502, body: Buffer.from(why), headers: [], details };
}

/** What a stream is answered that nothing happened on for too long. */
export const idleReply = (requestComplete: boolean): LocalReply => ({
  status: requestComplete ? 504 : 408,
  body: Buffer.from("stream timeout"),
  headers: [],
  details: "stream_idle_timeout",
});
