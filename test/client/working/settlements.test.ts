/** Settlements of a worker: which jobs share a message. */
import { expect, test } from "vitest";
import { createNodeTransport } from "../../../client/transport/node.ts";
import { Settlements } from "../../../client/working/settlements.ts";
import { eventLoopTurns } from "../../support/until.ts";

const ignore = () => undefined;

/** Opens settlements whose messages are collected. */
function open(): { settlements: Settlements; sent: string[] } {
  const sent: string[] = [];
  const settlements = new Settlements(false, createNodeTransport());
  const send = (message: string | Uint8Array) => void sent.push(String(message));
  settlements.open({ send, pause: ignore, resume: ignore, close: ignore });
  return { settlements, sent };
}

const ack = (settlements: Settlements, id: string) => void settlements.add("ack", { stream: "s", id });

test("jobs that promises end one after the other share a message, before the end of the turn", async () => {
  const { settlements, sent } = open();
  let before: string[] = [];
  setImmediate(() => {
    void (async () => {
      for (const id of ["1-0", "2-0", "3-0"]) {
        await null;
        ack(settlements, id);
      }
    })();
  });
  setImmediate(() => {
    before = [...sent];
  });
  await eventLoopTurns(2);
  expect(before).toEqual(['{"ack":["1-0","2-0","3-0"]}']);
  expect(sent).toEqual(before);
});

test("jobs that end in one turn share a message while an answer is due", async () => {
  const { settlements, sent } = open();
  ack(settlements, "1-0");
  await eventLoopTurns(1);
  setImmediate(() => ack(settlements, "2-0"));
  setImmediate(() => ack(settlements, "3-0"));
  await eventLoopTurns(3);
  expect(sent).toEqual(['{"ack":["1-0"]}', '{"ack":["2-0","3-0"]}']);
});
