import type { BenchExchange } from "./subject.js";

/** An ordinary request and answer without bodies: 9 and 4 headers. */
export const defaultExchange: BenchExchange = {
  requestHeaders: [
    [":authority", "api.example.com"],
    [":path", "/v1/items?limit=20"],
    [":method", "GET"],
    [":scheme", "https"],
    ["user-agent", "Mozilla/5.0 (X11; Linux x86_64)"],
    ["accept", "application/json"],
    ["accept-encoding", "gzip, br"],
    ["x-forwarded-proto", "https"],
    ["x-request-id", "6f1c4e7a-0000-4000-8000-0123456789ab"],
  ],
  responseHeaders: [
    [":status", "200"],
    ["content-type", "application/json"],
    ["content-length", "0"],
    ["x-powered-by", "upstream"],
  ],
};
