import { Status } from "../../abi/enums.js";
import { limits } from "../../abi/limits.js";
import { blob, returnBytes, returnU32, text, u32 } from "../../vm/parameters.js";
import { hostcall } from "../hostcall.js";

/**
 * Reads a value and the token that guards its next write.
 *
 * NOT_FOUND if the key was never set; INVALID_MEMORY_ACCESS. A stored empty value is OK with size 0.
 * [S] v0.2.1 #proxy_get_shared_data
 */
export const proxyGetSharedData = hostcall(
  { name: "proxy_get_shared_data", params: { key: text, value: returnBytes, cas: returnU32 } },
  (call, { key }) => call.process.sharedData.get(call.settings.vmId, key) ?? Status.NotFound,
);

/**
 * Stores a value for all VMs of this vm_id.
 *
 * CAS_MISMATCH when the key exists with another cas and `cas` is not 0; an absent key accepts any; INVALID_MEMORY_ACCESS.
 * [S] v0.2.1 #proxy_set_shared_data [H]
 */
export const proxySetSharedData = hostcall(
  { name: "proxy_set_shared_data", params: { key: text, value: blob, cas: u32 } },
  (call, { key, value, cas }) => {
    call.checkLimit("sharedValueBytes", value.length, limits.sharedValueBytes);
    const { keys, bytes } = call.process.sharedData.sizeWith(call.settings.vmId, key, value);
    call.checkLimit("sharedKeys", keys, limits.sharedKeys);
    call.checkLimit("sharedBytes", bytes, limits.sharedBytes);
    return call.process.sharedData.set(call.settings.vmId, key, value, cas) ? Status.Ok : Status.CasMismatch;
  },
);
