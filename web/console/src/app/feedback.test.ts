import { describe, expect, it } from "vitest";
import { Later, type Feedback } from "./feedback";

describe("what is said before there is something to say it with", () => {
  it("is said as soon as there is, in its order, and asked for once something waits", async () => {
    const said: unknown[] = [];
    let wanted = 0;
    const later = new Later(() => wanted++);
    expect(wanted).toBe(0);
    void later.feedback.message.success("one");
    const asked = later.feedback.modal.confirm({ title: "two" });
    expect([wanted, said]).toEqual([2, []]);
    const real = {
      message: { success: (text: string) => said.push(text) },
      modal: { confirm: (of: { title: string }) => {
        said.push(of.title);
        return Promise.resolve(true);
      } },
      notification: {},
    };
    later.ready(real as unknown as Feedback);
    expect(said).toEqual(["one", "two"]);
    expect(await asked).toBe(true);
    void later.feedback.message.success("three");
    expect(said.at(-1)).toBe("three");
  });
});
