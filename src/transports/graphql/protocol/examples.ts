/** Operations that the playground opens with, the last one in front: what this API is for, ready to run. */

/** One tab. */
export interface Example {
  readonly name: string;
  readonly query: string;
  readonly variables?: Readonly<Record<string, unknown>>;
}

/** The tabs, in order. */
export const EXAMPLES: readonly Example[] = [
  {
    name: "Devices",
    query: `# Who is connected now, and what each sends.
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
    query: `# Stores a small entry. The tab "Follow" sees it.
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
    query: `# Entries as they come. Send this, then send "Append".
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
    query: `# A page of one stream's history, newest first; after: endCursor goes on.
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
    query: `# All streams with their metadata. Names keep their device; match: "*:camera" narrows them.
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
