/** Filter of the table: words, and comparisons of fields such as `speed>3`, `state=ok`, `state!=ok`, all of which must hold. */
import type { Scalar } from "../content.ts";

type Row = ReadonlyMap<string, Scalar>;

const COMPARISON = /^([^<>=!]+)(<=|>=|!=|=|<|>)(.*)$/;

/** Parses a filter. @returns a function that decides on a row */
export function parseFilter(text: string): (row: Row) => boolean {
  const tests = text.split(/\s+/).filter(Boolean).map(testOf);
  return (row) => tests.every((test) => test(row));
}

function testOf(word: string): (row: Row) => boolean {
  const [, field, operator, wanted = ""] = COMPARISON.exec(word) ?? [];
  if (field === undefined || operator === undefined) {
    const lower = word.toLowerCase();
    return (row) => [...row.values()].some((value) => String(value).toLowerCase().includes(lower));
  }
  return (row) => {
    const value = row.get(field);
    return value !== undefined && compares(value, operator, wanted);
  };
}

function compares(value: Scalar, operator: string, wanted: string): boolean {
  const number = Number(wanted);
  const isNumeric = typeof value === "number" && wanted !== "" && !Number.isNaN(number);
  const isEqual = isNumeric ? value === number : String(value) === wanted;
  switch (operator) {
    case "=":
      return isEqual;
    case "!=":
      return !isEqual;
    case "<":
      return isNumeric ? value < number : String(value) < wanted;
    case ">":
      return isNumeric ? value > number : String(value) > wanted;
    case "<=":
      return isNumeric ? value <= number : String(value) <= wanted;
    default:
      return isNumeric ? value >= number : String(value) >= wanted;
  }
}
