/** Example operations of the playground. The last one is shown first. */

/** A tab of the playground. */
export interface Example {
  readonly name: string;
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** The tabs, in order. */
export const EXAMPLES: readonly Example[] = [
  {
    name: "Devices",
    query: `# Devices that are connected now, and their streams.
query Devices {
  devices {
    id
    meta
    streams {
      id
      length
      lastEntryTime
    }
  }
}
`,
  },
  {
    name: "Append",
    query: `# Stores a small entry, which the tab "Follow" receives.
mutation Append($stream: String!, $value: JSON!) {
  append(streamId: $stream, entries: [{ json: $value }]) {
    id
    error
  }
}
`,
    variables: { stream: "my-stream", value: { hello: "world" } },
  },
  {
    name: "Follow",
    query: `# Follows new entries. Run this, then run "Append".
subscription Follow($streams: JSON!) {
  data(streamIds: $streams) {
    streamId
    time
    string
  }
}
`,
    variables: { streams: ["my-stream"] },
  },
  {
    name: "History",
    query: `# A page of a stream's history, newest first. For the next page, pass endCursor as after.
query History($stream: String!) {
  stream(id: $stream) {
    error
    entries(first: 10, reverse: true) {
      nodes {
        id
        time
        string
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
}
`,
    variables: { stream: "my-stream" },
  },
  {
    name: "Streams",
    query: `# All streams with their metadata. Names include the device; match: "*:camera" filters them.
query Streams {
  streams {
    id
    length
    lastEntryTime
    meta
  }
}
`,
  },
];
