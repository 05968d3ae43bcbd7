// Made by tools/crd-schemas.mjs from github.com/istio/api kubernetes/customresourcedefinitions.gen.yaml of 2026-07-21
// (commit b8f8791d9653b2edc77a071d48887e582cfe84bf, Apache-2.0): the spec of v1alpha3, without its descriptions.
// What its CEL rules say is said by rules of ours.
import type { Schema } from "../schema.js";

export const envoyFilterSchema: Schema = {
  properties: {
    configPatches: {
      items: {
        properties: {
          applyTo: {
            enum: [
              "INVALID",
              "LISTENER",
              "FILTER_CHAIN",
              "NETWORK_FILTER",
              "HTTP_FILTER",
              "ROUTE_CONFIGURATION",
              "VIRTUAL_HOST",
              "HTTP_ROUTE",
              "CLUSTER",
              "EXTENSION_CONFIG",
              "BOOTSTRAP",
              "LISTENER_FILTER",
            ],
            type: "string",
          },
          match: {
            oneOf: [
              {
                not: {
                  anyOf: [
                    {
                      required: ["listener"],
                    },
                    {
                      required: ["routeConfiguration"],
                    },
                    {
                      required: ["cluster"],
                    },
                    {
                      required: ["waypoint"],
                    },
                  ],
                },
              },
              {
                required: ["listener"],
              },
              {
                required: ["routeConfiguration"],
              },
              {
                required: ["cluster"],
              },
              {
                required: ["waypoint"],
              },
            ],
            properties: {
              cluster: {
                properties: {
                  name: {
                    type: "string",
                  },
                  portNumber: {
                    maximum: 4294967295,
                    minimum: 0,
                    type: "integer",
                  },
                  service: {
                    type: "string",
                  },
                  subset: {
                    type: "string",
                  },
                },
                type: "object",
              },
              context: {
                enum: ["ANY", "SIDECAR_INBOUND", "SIDECAR_OUTBOUND", "GATEWAY", "WAYPOINT"],
                type: "string",
              },
              listener: {
                properties: {
                  filterChain: {
                    properties: {
                      applicationProtocols: {
                        type: "string",
                      },
                      destinationPort: {
                        maximum: 4294967295,
                        minimum: 0,
                        type: "integer",
                      },
                      filter: {
                        properties: {
                          name: {
                            type: "string",
                          },
                          subFilter: {
                            properties: {
                              name: {
                                type: "string",
                              },
                            },
                            type: "object",
                          },
                        },
                        type: "object",
                      },
                      name: {
                        type: "string",
                      },
                      sni: {
                        type: "string",
                      },
                      transportProtocol: {
                        type: "string",
                      },
                    },
                    type: "object",
                  },
                  listenerFilter: {
                    type: "string",
                  },
                  name: {
                    type: "string",
                  },
                  portName: {
                    type: "string",
                  },
                  portNumber: {
                    maximum: 4294967295,
                    minimum: 0,
                    type: "integer",
                  },
                },
                type: "object",
              },
              proxy: {
                properties: {
                  metadata: {
                    additionalProperties: {
                      type: "string",
                    },
                    type: "object",
                  },
                  proxyVersion: {
                    type: "string",
                  },
                },
                type: "object",
              },
              routeConfiguration: {
                properties: {
                  gateway: {
                    type: "string",
                  },
                  name: {
                    type: "string",
                  },
                  portName: {
                    type: "string",
                  },
                  portNumber: {
                    maximum: 4294967295,
                    minimum: 0,
                    type: "integer",
                  },
                  vhost: {
                    properties: {
                      domainName: {
                        type: "string",
                      },
                      name: {
                        type: "string",
                      },
                      route: {
                        properties: {
                          action: {
                            enum: ["ANY", "ROUTE", "REDIRECT", "DIRECT_RESPONSE"],
                            type: "string",
                          },
                          name: {
                            type: "string",
                          },
                        },
                        type: "object",
                      },
                    },
                    type: "object",
                  },
                },
                type: "object",
              },
              waypoint: {
                properties: {
                  filter: {
                    properties: {
                      name: {
                        type: "string",
                      },
                      subFilter: {
                        properties: {
                          name: {
                            type: "string",
                          },
                        },
                        type: "object",
                      },
                    },
                    type: "object",
                  },
                  portNumber: {
                    maximum: 4294967295,
                    minimum: 0,
                    type: "integer",
                  },
                  route: {
                    properties: {
                      name: {
                        type: "string",
                      },
                    },
                    type: "object",
                  },
                },
                type: "object",
              },
            },
            type: "object",
          },
          patch: {
            properties: {
              filterClass: {
                enum: ["UNSPECIFIED", "AUTHN", "AUTHZ", "STATS"],
                type: "string",
              },
              operation: {
                enum: [
                  "INVALID",
                  "MERGE",
                  "ADD",
                  "REMOVE",
                  "INSERT_BEFORE",
                  "INSERT_AFTER",
                  "INSERT_FIRST",
                  "REPLACE",
                  "MERGE_AND_REPLACE_LIST",
                ],
                type: "string",
              },
              value: {
                type: "object",
                "x-kubernetes-preserve-unknown-fields": true,
              },
            },
            type: "object",
          },
        },
        type: "object",
      },
      type: "array",
    },
    priority: {
      format: "int32",
      type: "integer",
    },
    targetRefs: {
      items: {
        properties: {
          group: {
            maxLength: 253,
            pattern: "^$|^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$",
            type: "string",
          },
          kind: {
            maxLength: 63,
            minLength: 1,
            pattern: "^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$",
            type: "string",
          },
          name: {
            maxLength: 253,
            minLength: 1,
            type: "string",
          },
          namespace: {
            type: "string",
          },
        },
        required: ["kind", "name"],
        type: "object",
      },
      maxItems: 16,
      type: "array",
    },
    workloadSelector: {
      properties: {
        labels: {
          additionalProperties: {
            maxLength: 63,
            type: "string",
          },
          maxProperties: 256,
          type: "object",
        },
      },
      type: "object",
    },
  },
  type: "object",
};
