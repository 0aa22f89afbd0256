import { expect, test } from "vitest";
import {
  countText,
  durationText,
  rateText,
  sizeText,
  throughputText,
} from "../../../cli/output/quantities.ts";

test.each([
  [countText(1234567), "1,234,567"],
  [rateText(29.97), "30.0/s"],
  [rateText(0), "0.0/s"],
  [rateText(4321.4), "4,321/s"],
  [sizeText(873), "873 B"],
  [sizeText(61_234), "61.2 kB"],
  [sizeText(5_600_000), "5.6 MB"],
  [sizeText(7_840_000_000), "7.8 GB"],
  [throughputText(3_200), "0.003 MB/s"],
  [throughputText(12_400_000), "12.4 MB/s"],
  [durationText(3.4), "3 ms"],
  [durationText(-20), "-20 ms"],
  [durationText(12_340), "12.3 s"],
])("formats %s", (text, expected) => {
  expect(text).toBe(expected);
});
