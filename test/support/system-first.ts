/** The order of test files: those of whole systems first, since they take longest and would else run alone at the end. */
import { BaseSequencer, type TestSpecification } from "vitest/node";

/** Sorts as vitest does within both groups: what failed or took long in the last run, else large files, first. */
export class SystemFirst extends BaseSequencer {
  /** Called by vitest. */
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files);
    const isSystem = ({ moduleId }: TestSpecification) => moduleId.includes("/test/system/");
    return [...sorted.filter(isSystem), ...sorted.filter((file) => !isSystem(file))];
  }
}
