// The head parser beyond the handshake table: its views, its limits at their edges, and that a verdict
// belongs to a byte of the stream, not to a read.
#include "http/request_head.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/entropy.h"

namespace holdfast::http {
namespace {

using Outcome = ScanResult::Outcome;

std::string head_of(std::uint32_t bytes, std::uint32_t fields) {
  std::string head = "GET / HTTP/1.1\r\n";
  for (std::uint32_t i = 0; i + 1 < fields; ++i) head += "A: b\r\n";
  head += "Filler: ";
  head.append(bytes - head.size() - 4, 'x');
  return head + "\r\n\r\n";
}

// The verdict and the number of bytes that were needed for it, reading one byte at a time.
struct Verdict {
  Outcome outcome = Outcome::incomplete;
  Status refusal = Status::none;
  std::size_t bytes = 0;
  bool operator==(const Verdict&) const = default;
};

Verdict scan_bytewise(std::string_view stream, const HeadLimits& limits) {
  HeadScan scan;
  for (std::size_t bytes = 1; bytes <= stream.size(); ++bytes) {
    const ScanResult result = scan_head(scan, stream.substr(0, bytes), limits);
    if (result.outcome == Outcome::incomplete) continue;
    EXPECT_EQ(result.head_bytes, result.outcome == Outcome::complete ? bytes : 0);
    return {result.outcome, result.refusal, bytes};
  }
  return {.bytes = stream.size()};
}

TEST(ScanHead, CompletesAHeadOfExactlyTheLimitAndRefusesOneByteMore) {
  const HeadLimits limits;
  for (const std::uint32_t fields : {1u, 64u}) {
    for (const int over : {-1, 0, 1}) {
      const std::uint32_t bytes = limits.head_bytes + static_cast<std::uint32_t>(over);
      const std::string head = head_of(bytes, fields);
      ASSERT_EQ(head.size(), bytes);
      HeadScan scan;
      const ScanResult result = scan_head(scan, head, limits);
      const Verdict bytewise = scan_bytewise(head, limits);
      if (over <= 0) {
        EXPECT_EQ(result.outcome, Outcome::complete);
        EXPECT_EQ(result.head_bytes, bytes);
        EXPECT_EQ(bytewise, (Verdict{Outcome::complete, Status::none, bytes}));
      } else {
        EXPECT_EQ(result.refusal, Status::fields_too_large);
        EXPECT_EQ(bytewise, (Verdict{Outcome::refused, Status::fields_too_large, limits.head_bytes}));
      }
    }
  }
}

TEST(ScanHead, RefusesAnEndlessRequestLineAtTheLimitAndNotBefore) {
  const HeadLimits limits;
  const std::string stream = "GET /" + std::string(limits.head_bytes, 'a');
  EXPECT_EQ(scan_bytewise(stream, limits),
            (Verdict{Outcome::refused, Status::fields_too_large, limits.head_bytes}));
}

TEST(ScanHead, CompletesAHeadWithinTheLimitWhateverFollowsInTheSameRead) {
  const HeadLimits limits;
  const std::string head = head_of(200, 3);
  HeadScan scan;
  const ScanResult result = scan_head(scan, head + std::string(100'000, '\n'), limits);
  EXPECT_EQ(result.outcome, Outcome::complete);
  EXPECT_EQ(result.head_bytes, head.size());
}

TEST(ScanHead, CountsFieldsAgainstTheSmallerOfTheConfiguredLimitAndTheTable) {
  for (const std::uint32_t limit : {1u, 5u, 64u, 1000u}) {
    const HeadLimits limits{.fields = limit};
    const std::uint32_t effective = std::min(limit, kFieldsMaximum);
    HeadScan fits;
    EXPECT_EQ(scan_head(fits, head_of(1000, effective), limits).outcome, Outcome::complete);
    HeadScan exceeds;
    EXPECT_EQ(scan_head(exceeds, head_of(1000, effective + 1), limits).refusal, Status::fields_too_large);
  }
}

TEST(ScanHead, LooksAtABytePerReadNotAtTheWholeHeadAgain) {
  const std::string head = head_of(8 * 1024, 20);
  HeadScan scan;
  for (std::size_t bytes = 1; bytes < head.size(); ++bytes) {
    ASSERT_EQ(scan_head(scan, std::string_view(head).substr(0, bytes), {}).outcome, Outcome::incomplete);
    // Only a CR may be looked at twice.
    ASSERT_GE(scan.scanned + 1, bytes);
  }
}

// Goal: any split gives the same verdict at the same byte. Method: streams over an alphabet that makes line
// ends, folds and limits likely, under tiny limits, read bytewise, whole and in random pieces.
TEST(ScanHead, GivesTheSameVerdictForAnySplitOfRandomStreams) {
  constexpr std::string_view kAlphabet = "\r\n\r\n\r\n \t:aA1\x01\xff";
  base::Random random(7);
  for (int round = 0; round < 20'000; ++round) {
    const HeadLimits limits{.head_bytes = static_cast<std::uint32_t>(1 + random.below(60)),
                            .fields = static_cast<std::uint32_t>(random.below(5))};
    std::string stream;
    const std::size_t pieces = random.below(12);
    for (std::size_t i = 0; i < pieces; ++i) {
      const std::uint64_t choice = random.below(4);
      if (choice == 0) stream += kAlphabet[random.below(kAlphabet.size())];
      if (choice == 1) stream += "ab: c\r\n";
      if (choice == 2) stream += "x";
      if (choice == 3) stream += "\r\n";
    }
    const Verdict expected = scan_bytewise(stream, limits);
    HeadScan scan;
    ScanResult result;
    std::size_t fed = 0;
    while (fed < stream.size() && result.outcome == Outcome::incomplete) {
      fed += 1 + random.below(stream.size() - fed);
      result = scan_head(scan, std::string_view(stream).substr(0, fed), limits);
    }
    ASSERT_EQ(result.outcome, expected.outcome) << "round " << round;
    ASSERT_EQ(result.refusal, expected.refusal) << "round " << round;
    if (result.outcome == Outcome::complete) {
      ASSERT_EQ(result.head_bytes, expected.bytes);
    }
  }
}

TEST(ParseHead, YieldsMethodTargetPathQueryAndTrimmedFields) {
  RequestHead request;
  ASSERT_EQ(
      parse_head("GET /a/b?c=d?e HTTP/1.1\r\nHost: h:1\r\nX-One: \t 1 2\t \r\nX-Empty:\r\n\r\n", request),
      Status::none);
  EXPECT_EQ(request.method, "GET");
  EXPECT_EQ(request.target, "/a/b?c=d?e");
  EXPECT_EQ(request.path, "/a/b");
  EXPECT_EQ(request.query, "c=d?e");
  ASSERT_EQ(request.field_count, 3u);
  EXPECT_EQ(request.fields[0].name, "Host");
  EXPECT_EQ(request.fields[0].value, "h:1");
  EXPECT_EQ(request.fields[1].value, "1 2");
  EXPECT_EQ(request.fields[2].value, "");
}

TEST(ParseHead, LeavesTheQueryEmptyWithoutAQuestionMark) {
  RequestHead request;
  ASSERT_EQ(parse_head("GET /path HTTP/1.1\r\nHost: h\r\n\r\n", request), Status::none);
  EXPECT_EQ(request.path, "/path");
  EXPECT_TRUE(request.query.empty());
}

TEST(ParseHead, RefusesBytesThatAreNotOneWholeHead) {
  RequestHead request;
  const std::string head = "GET / HTTP/1.1\r\nHost: h\r\n\r\n";
  for (std::size_t bytes = 0; bytes < head.size(); ++bytes) {
    EXPECT_EQ(parse_head(std::string_view(head).substr(0, bytes), request), Status::bad_request) << bytes;
  }
  EXPECT_EQ(parse_head(head, request), Status::none);
  EXPECT_EQ(parse_head(head + "x", request), Status::bad_request);
}

TEST(ParseHead, RefusesMoreFieldsThanTheTableHoldsEvenWithoutAScan) {
  RequestHead request;
  std::string head = "GET / HTTP/1.1\r\nHost: h\r\n";
  for (std::uint32_t i = 1; i < kFieldsMaximum; ++i) head += "A: b\r\n";
  EXPECT_EQ(parse_head(head + "\r\n", request), Status::none);
  EXPECT_EQ(request.field_count, kFieldsMaximum);
  EXPECT_EQ(parse_head(head + "A: b\r\n\r\n", request), Status::fields_too_large);
}

TEST(ParseHead, AllowsExactlyTheTokenCharactersInNames) {
  constexpr std::string_view kAllowed =
      "!#$%&'*+-.^_`|~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
  for (int value = 0; value < 256; ++value) {
    const char byte = static_cast<char>(value);
    const std::string head = std::string("GET / HTTP/1.1\r\nHost: h\r\nx") + byte + "y: z\r\n\r\n";
    RequestHead request;
    // A colon ends the name early, so the rest is a value.
    const bool expected = kAllowed.find(byte) != std::string_view::npos || byte == ':';
    EXPECT_EQ(parse_head(head, request) == Status::none, expected) << value;
  }
}

TEST(ParseHead, AllowsNoControlCharacterButTabInValues) {
  for (int value = 0; value < 256; ++value) {
    for (const std::size_t length : {1u, 7u, 40u}) {
      std::string text(length, 'v');
      text.insert(length / 2, 1, static_cast<char>(value));
      RequestHead request;
      const bool expected = (value >= 0x20 && value != 0x7f) || value == '\t';
      EXPECT_EQ(parse_head("GET / HTTP/1.1\r\nHost: h\r\nx: " + text + "y\r\n\r\n", request) == Status::none,
                expected)
          << value;
    }
  }
}

TEST(RequestHead, TakesTheOldVersionOnlyWhenAskedToAndThenWithoutHost) {
  RequestHead request;
  const std::string_view old = "GET /a HTTP/1.0\r\n\r\n";
  EXPECT_EQ(parse_head(old, request), Status::version_not_supported);
  EXPECT_EQ(parse_head(old, request, Version::http_1_0), Status::none);
  EXPECT_EQ(request.version, Version::http_1_0);
  EXPECT_EQ(parse_head("GET /a HTTP/1.1\r\nHost: h\r\n\r\n", request, Version::http_1_0), Status::none);
  EXPECT_EQ(request.version, Version::http_1_1);
  EXPECT_EQ(parse_head("GET /a HTTP/1.1\r\n\r\n", request, Version::http_1_0), Status::bad_request);
  EXPECT_EQ(parse_head("GET /a HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", request, Version::http_1_0),
            Status::bad_request);
  EXPECT_EQ(parse_head("GET /a HTTP/0.9\r\n\r\n", request, Version::http_1_0), Status::version_not_supported);
}

TEST(RequestHead, FindsAndCountsFieldsByNameWithoutCase) {
  RequestHead request;
  ASSERT_EQ(parse_head("GET / HTTP/1.1\r\nHost: h\r\nX-A: 1\r\nx-a: 2\r\nX-AB: 3\r\n\r\n", request),
            Status::none);
  EXPECT_EQ(request.find("X-A"), "1");
  EXPECT_EQ(request.find("x-ab"), "3");
  EXPECT_EQ(request.find("X"), std::nullopt);
  EXPECT_EQ(request.count("X-a"), 2u);
  EXPECT_EQ(request.count("Y"), 0u);
}

TEST(HasToken, LooksAtEveryElementOfEveryFieldOfThatName) {
  RequestHead request;
  ASSERT_EQ(parse_head("GET / HTTP/1.1\r\nHost: h\r\nList: a, B ,,c d\r\nlist:\r\nLIST: ,e\r\n\r\n", request),
            Status::none);
  for (const std::string_view present : {"a", "A", "b", "e", "c d"})
    EXPECT_TRUE(has_token(request, "List", present));
  for (const std::string_view absent : {"c", "d", "f", "", ","})
    EXPECT_FALSE(has_token(request, "List", absent));
  EXPECT_FALSE(has_token(request, "Other", "a"));
}

}  // namespace
}  // namespace holdfast::http
