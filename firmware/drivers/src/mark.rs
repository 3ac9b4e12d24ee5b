//! How a claimed frame says which worker it belongs to. The claim program writes the mark, the socket filter and the
//! fan-out program read it.

use engine::WorkerId;

/// Upper half of the mark of every claimed frame ("Su").
pub const MAGIC: u32 = 0x5375_0000;
/// The bits that name the worker.
pub const WORKER_MASK: u32 = 0xff;

/// The mark of frames for `worker`.
pub const fn of(worker: WorkerId) -> u32 {
    MAGIC | worker.0 as u32
}

/// The worker that a mark names; `None` for a mark that is not ours.
pub const fn worker(mark: u32) -> Option<WorkerId> {
    if mark & !WORKER_MASK == MAGIC { Some(WorkerId((mark & WORKER_MASK) as u8)) } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_names_its_worker_and_foreign_marks_name_nobody() {
        assert_eq!(of(WorkerId(3)), 0x5375_0003);
        assert_eq!(worker(0x5375_00ff), Some(WorkerId(255)));
        for foreign in [0, 3, 0x5375_0100, 0x5374_0003] {
            assert_eq!(worker(foreign), None, "{foreign:#x}");
        }
    }
}
