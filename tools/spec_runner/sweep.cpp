// See sweep.h.
#include "tools/spec_runner/sweep.h"

#include "core/state/store_state.h"
#include "tests/oom/state_digest.h"
#include "tools/spec_runner/system_allocator.h"

#include <cstring>
#include <new>

#include <sys/mman.h>

namespace ebb::spec {
namespace {

// Live blocks of 32 bytes and classes of 16: more than any script has.
constexpr size_t table_bytes = size_t{8} << 20;
constexpr size_t site_bytes = size_t{1} << 20;
// What guests see is compared where it is no larger; else it counts as changed.
constexpr uint64_t contents_bytes_max = uint64_t{16} << 20;
constexpr unsigned branch_seconds_max = 120;

std::string error_text(Error error) {
  return error == Error::none ? std::string("success") : std::string(error_name(error));
}

} // namespace

Sweep::Pages::Pages(size_t size) : memory(nullptr), bytes(size) {
  if (bytes == 0) return;
  memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory != MAP_FAILED) return;
  memory = nullptr;
  bytes = 0;
}

Sweep::Pages::~Pages() {
  if (memory) munmap(memory, bytes);
}

Sweep::Sweep(const Options& options, Report& report, const std::optional<Machine>& machine)
    : options_(options), report_(report), machine_(machine), is_on_(options.oom),
      below_(system_allocator()), table_(is_on_ ? table_bytes : 0),
      site_table_(is_on_ ? site_bytes : 0), injector_(below_, table_.memory, table_.bytes),
      allocator_(is_on_ ? injector_.allocator() : below_),
      sites_(site_table_.memory, site_table_.bytes),
      points_(std::make_unique<oom::ForkPoints>(injector_, branches_, sites_)) {
  if (!is_on_) return;
  injector_.set_stack_end(options.stack_end);
  const bool has_room = table_.memory && site_table_.memory &&
                        branches_.create(
                            1, branch_seconds_max,
                            [](void* self, uint64_t key, const oom::Run& run) {
                              static_cast<Sweep*>(self)->take(key, run);
                            },
                            this);
  if (!has_room) {
    report_.failed("no memory for the sweep");
    is_on_ = false;
  }
  points_->set_on_fork(
      [](void* self) {
        auto* sweep = static_cast<Sweep*>(self);
        if (const Store* store = (*sweep->machine_).store())
          sweep->grows_before_ = store->state().grows_refused;
      },
      this);
}

Sweep::~Sweep() = default;

void Sweep::begin_command(uint32_t line) { line_ = line; }

bool Sweep::is_selected(const char* name) const {
  if (!is_on_ || points_->is_disturbed()) return false;
  return options_.repeat == 0 ||
         (options_.repeat_line == line_ && options_.repeat_operation == name);
}

/// "LINE:OPERATION:REQUEST/SHAPE", as --repeat takes it.
std::string Sweep::point_name(uint64_t request, const oom::Shape& shape) const {
  char text[oom::shape_text_max];
  oom::write_shape(shape, text);
  return std::to_string(line_) + ":" + operation_ + ":" + std::to_string(request) + "/" + text;
}

Sweep::State Sweep::state(bool with_contents) const {
  State found;
  found.held = injector_.live_bytes();
  if (!machine_) return found;
  const Store* store = machine_->store();
  if (const Engine* engine = machine_->engine()) {
    found.structure += oom::digest(*engine);
    found.held -= oom::slack_bytes(*engine);
  }
  if (const Linker* linker = machine_->linker()) found.structure += 3 * oom::digest(*linker);
  if (!store) return found;
  found.structure += 5 * oom::digest(*store);
  found.activity = oom::activity_digest(*store);
  found.held -= oom::slack_bytes(*store);
  found.has_contents = with_contents && oom::contents_bytes(*store) <= contents_bytes_max;
  if (found.has_contents) found.contents = oom::contents_digest(*store);
  return found;
}

// --- In place.

void Sweep::observe(const FaultInjector::Event& event) {
  if (mode_ == Mode::idle) return;
  const uint64_t key = oom::site_class(event);
  // Room that a failure left may have made some of the requests needless; the others keep their
  // order.
  for (size_t i = aligned_; i < examined_.size(); ++i) {
    if (examined_[i] != key) continue;
    aligned_ = i + 1;
    if (mode_ == Mode::at_point && aligned_ == examined_.size()) refuse_here(event);
    return;
  }
  if (mode_ == Mode::at_point) return;
  examined_.push_back(key);
  aligned_ = examined_.size();
  const bool is_taken = sites_.choose(event, options_.schedule);
  if (options_.repeat != 0 ? examined_.size() != options_.repeat : !is_taken) return;
  found_ = examined_.size();
  sites_.note_refused(key);
  refuse_here(event);
}

void Sweep::refuse_here(const FaultInjector::Event& event) {
  mode_ = Mode::idle;
  found_event_ = event;
  injector_.begin_here(search_shape_.from(1));
}

/// One attempt, in which the next point is refused that was not tried yet, or the same once more.
Sweep::Attempt Sweep::run_in_place(const std::function<Attempt()>& attempt, const oom::Shape& shape,
                                   Mode mode) {
  aligned_ = 0;
  search_shape_ = shape;
  mode_ = mode;
  if (mode == Mode::searching) found_ = 0;
  injector_.begin();
  const Attempt got = attempt();
  injector_.call_returned();
  mode_ = Mode::idle;
  return got;
}

oom::Run Sweep::verdict_in_place(const Attempt& got, const State& before) const {
  const FaultInjector::Counts& counts = injector_.counts();
  oom::Run run;
  run.error = got.error;
  run.injected = counts.injected;
  const bool only_declared = counts.injected == counts.injected_benign;
  run.outcome = only_declared ? oom::Outcome::same_result : oom::Outcome::clean;
  if (counts.injected == 0) run.blame(oom::Outcome::wrong_result, "the request did not come again");
  if ((got.error == Error::out_of_memory) == only_declared)
    run.blame(oom::Outcome::wrong_result, ("got " + error_text(got.error)).c_str());
  if (counts.while_unwinding != 0)
    run.blame(oom::Outcome::wrong_result, "memory was asked for on the way out of the failure");
  if (injector_.misuses() != 0)
    run.blame(oom::Outcome::wrong_result, misuse_name(injector_.first_misuse()));
  if (got.error == Error::none) return run;
  const State after = state(before.has_contents);
  if (after.held > before.held)
    run.blame(oom::Outcome::leak,
              (std::to_string(after.held - before.held) + " bytes more are held").c_str());
  if (after.structure != before.structure || after.activity != before.activity)
    run.blame(oom::Outcome::wrong_result, "the failed operation left other state");
  if (after.contents != before.contents)
    run.blame(oom::Outcome::wrong_result, "the failed operation changed what guests see");
  return run;
}

void Sweep::judge_in_place(const oom::Shape& shape, const Attempt& got, const State& before) {
  const oom::Run run = verdict_in_place(got, before);
  if (run.outcome == oom::Outcome::same_result) same_.push_back(got);
  add(run, found_, shape, &found_event_);
}

Error Sweep::in_place(const char* name, const std::function<Attempt()>& attempt,
                      const std::function<void()>& undo) {
  operation_ = name;
  if (!is_selected(name)) return attempt().error;
  examined_.clear();
  same_.clear();
  injector_.set_observer(
      [](void* self, const FaultInjector::Event& event) {
        static_cast<Sweep*>(self)->observe(event);
      },
      this);
  const State before = state(true);
  oom::Shapes shapes = options_.shapes;
  if (options_.repeat != 0) {
    shapes.items[0] = options_.repeat_shape;
    shapes.count = 1;
  }
  uint64_t refused = 0;
  Attempt got;
  // All attempts are made from one place: call stacks are compared.
  for (size_t i = 0;; i = (i + 1) % shapes.count) {
    report_.at(operation_, refused + 1);
    got = run_in_place(attempt, shapes.items[i], i == 0 ? Mode::searching : Mode::at_point);
    if (found_ == 0) break;
    if (i == 0) ++refused;
    judge_in_place(shapes.items[i], got, before);
    if (got.error == Error::none && undo) undo();
  }
  injector_.begin();
  points_->observe();
  report_.at("", 0);
  tally_.requests += examined_.size();
  tally_.points += refused;
  if (refused != 0) {
    ++tally_.retried;
    ++tally_.followed;
  }
  oom::Run last;
  for (const Attempt& other : same_)
    if (other.error != got.error || other.digest != got.digest)
      last.blame(oom::Outcome::wrong_result, "a fallback gave another result");
  if (got.error == Error::out_of_memory)
    last.blame(oom::Outcome::broken_on_retry, "out of memory although there is enough");
  if (oom::is_bad(last.outcome)) add(last, 0, shapes.items[0], nullptr);
  return got.error;
}

// --- By forking.

Error Sweep::branching(const char* name, Effects effects, const std::function<Error()>& attempt) {
  operation_ = name;
  if (!is_selected(name)) return attempt();
  effects_ = effects;
  before_ = state(true);
  if (options_.repeat != 0)
    points_->arm_only(options_.repeat, options_.repeat_shape);
  else
    points_->arm(options_.shapes, options_.schedule);
  error_ = attempt();
  injector_.call_returned();
  points_->disarm();
  if (points_->is_disturbed()) return error_;
  tally_.requests += points_->request_count();
  tally_.points += points_->point_count();
  // The keys of runs count within this operation.
  branches_.wait_all();
  return error_;
}

bool Sweep::judge(bool as_expected) {
  const Store* store = machine_->store();
  const bool told = store && store->state().grows_refused > grows_before_;
  const FaultInjector::Counts& counts = points_->counts();
  run_.error = error_;
  run_.injected = counts.injected;
  run_.site = oom::site_class(points_->event());
  if (error_ == Error::out_of_memory && !points_->only_declared())
    run_.outcome = oom::Outcome::clean;
  else if (told && effects_ == Effects::guest)
    run_.outcome = oom::Outcome::told;
  else if (points_->only_declared() && as_expected)
    run_.outcome = oom::Outcome::same_result;
  else
    run_.blame(oom::Outcome::wrong_result, ("got " + error_text(error_)).c_str());
  if (run_.outcome == oom::Outcome::clean && !told && counts.while_unwinding != 0)
    run_.blame(oom::Outcome::wrong_result, "memory was asked for on the way out of the failure");
  const State after = state(before_.has_contents);
  if (after.activity != before_.activity)
    run_.blame(oom::Outcome::wrong_result, "a call is still in progress");
  // What guests see may be too much to compare; operations that run no guest code do not touch it.
  const bool is_unknown =
      effects_ == Effects::guest && !(before_.has_contents && after.has_contents);
  const bool is_changed =
      after.structure != before_.structure || is_unknown || after.contents != before_.contents;
  if (is_changed && effects_ == Effects::none && error_ != Error::none)
    run_.blame(oom::Outcome::wrong_result, "the failed operation left other state");
  const oom::Sites::Site* site = sites_.find(run_.site);
  follows_ = !is_changed && site && site->refused == 1 && run_.outcome == oom::Outcome::clean;
  return is_changed || run_.outcome != oom::Outcome::clean;
}

void Sweep::note_retry(bool as_expected, const std::string& why) {
  run_.retried = true;
  if (as_expected) return;
  run_.blame(oom::Outcome::broken_on_retry, ("again: " + why).c_str());
  follows_ = false;
}

void Sweep::note_followed(const std::string& why) {
  run_.blame(oom::Outcome::broken_on_retry, ("afterwards: " + why).c_str());
}

void Sweep::finish() {
  run_.live_blocks = injector_.live_blocks();
  if (run_.live_blocks != 0)
    run_.blame(oom::Outcome::leak,
               (std::to_string(run_.live_blocks) + " blocks held at the end").c_str());
  if (injector_.misuses() != 0)
    run_.blame(oom::Outcome::wrong_result, misuse_name(injector_.first_misuse()));
  run_.followed = follows_;
  branches_.finish(run_);
}

void Sweep::take(uint64_t key, const oom::Run& run) {
  const size_t count = options_.repeat != 0 ? 1 : options_.shapes.count;
  const oom::Shape& shape =
      options_.repeat != 0 ? options_.repeat_shape : options_.shapes.items[key % count];
  add(run, options_.repeat != 0 ? options_.repeat : key / count + 1, shape, nullptr);
}

// --- Reports.

void Sweep::add(const oom::Run& run, uint64_t request, const oom::Shape& shape,
                const FaultInjector::Event* event) {
  tally_.add(run);
  if (!oom::is_bad(run.outcome) && options_.repeat == 0) return;
  std::string text = point_name(request, shape) + ": " + oom::outcome_name(run.outcome);
  if (run.what[0] != '\0') text += std::string(", ") + run.what;
  if (run.timed_out) text += ", took too long";
  if (run.signal != 0 && !run.timed_out) text += ", signal " + std::to_string(run.signal);
  if (event != nullptr) {
    text += std::string(" (") + request_name(event->request) + " of " +
            std::to_string(event->bytes) + " bytes";
    for (size_t i = 0; oom::has_call_stacks() && i < event->site.count; ++i) {
      char address[24];
      std::snprintf(address, sizeof address, " 0x%zx",
                    static_cast<size_t>(oom::program_offset(event->site.frames[i])));
      text += (i == 0 ? " at" : "") + std::string(address);
    }
    text += ")";
  }
  if (oom::is_bad(run.outcome))
    report_.failed_at(line_, text + "; to repeat: --repeat " + point_name(request, shape));
  else
    report_.note(text);
}

void Sweep::begin_teardown() {
  if (is_on_) injector_.begin({FaultInjector::Mode::from_nth, 1, 0});
}

void Sweep::end_teardown() {
  if (!is_on_) return;
  const FaultInjector::Counts counts = injector_.counts();
  if (counts.requests != 0 && !oom::is_bad(run_.outcome))
    run_.blame(oom::Outcome::wrong_result, "memory was asked for while everything ended");
  if (is_branch()) return;
  if (injector_.live_blocks() != 0)
    run_.blame(oom::Outcome::leak,
               (std::to_string(injector_.live_blocks()) + " blocks held at the end").c_str());
  if (injector_.is_table_full())
    run_.blame(oom::Outcome::leak, "more live blocks than are watched");
  operation_ = "teardown";
  if (oom::is_bad(run_.outcome)) add(run_, 0, oom::Shape(), nullptr);
}

void Sweep::report_sums() {
  if (!is_on_) return;
  report_.sums(tally_);
  for (const oom::Sites::Site& site : sites_)
    if (site.key != 0) report_.site(site.key, site.refused != 0);
}

} // namespace ebb::spec
