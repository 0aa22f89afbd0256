/** Order of test files: system tests first, because they take longest and would otherwise run alone at the end. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Sorts as vitest does within both groups: files that failed or were slow in the last run first, else large files. */
export class SystemFirst extends BaseSequencer {
  /** Called by vitest. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isSystem = ({ moduleId }: TestSpecification) => moduleId.includes("/test/system/");
    return [...sorted.filter(isSystem), ...sorted.filter((file) => !isSystem(file))];
  }
}
