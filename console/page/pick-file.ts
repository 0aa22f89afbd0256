/** Lets the user select a file. Browsers permit it only in response to a click or a key. */

/** Opens the file dialog. @param accept accepted types, such as `.json` @returns undefined if it was cancelled */
export function pickFile(accept: string): Promise<File | undefined> {
  const input = document.createElement("input");
  input.type = "file";
  input.accept = accept;
  return new Promise((resolve) => {
    input.addEventListener("change", () => resolve(input.files?.[0]));
    input.addEventListener("cancel", () => resolve(undefined));
    input.click();
  });
}
