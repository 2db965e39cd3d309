// The request reader: what it finds in a stream, what it refuses, that both do not depend on how the stream
// was split, and that it holds nothing it need not.
#include "http/request_reader.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace holdfast::http {
namespace {

using Outcome = RequestReader::Outcome;

const RequestLimits kLimits{
    .head = {.head_bytes = 512, .fields = 16}, .body_bytes = 100, .chunk_overhead_bytes = 40};

// What a stream amounts to: each request in words, then the verdict.
std::string read_in(const std::vector<std::string_view>& pieces) {
  RequestReader reader(&kLimits);
  std::string said;
  for (std::string_view piece : pieces) {
    // A copy that dies with the piece: a view kept beyond it is seen by the address sanitizer.
    const std::string copy(piece);
    std::string_view bytes = copy;
    while (true) {
      ReceivedRequest request;
      const Outcome outcome = reader.read(bytes, request);
      if (outcome == Outcome::refused) {
        return said + "refused " + std::to_string(static_cast<int>(reader.refusal()));
      }
      if (outcome == Outcome::incomplete) break;
      said.append(request.head.method).append(" ").append(request.head.target);
      said.append(request.keep_alive ? " [" : " close [").append(request.body).append("] ");
    }
    EXPECT_TRUE(bytes.empty());
  }
  return said + (reader.under_way() ? "unfinished" : "end");
}

// The stream's meaning, after making sure that no split changes it: whole, bytewise, cut at every position.
std::string read_any_way(std::string_view stream) {
  const std::string whole = read_in({stream});
  std::vector<std::string_view> bytewise;
  for (std::size_t i = 0; i < stream.size(); ++i) bytewise.push_back(stream.substr(i, 1));
  EXPECT_EQ(read_in(bytewise), whole) << stream;
  for (std::size_t cut = 1; cut < stream.size(); ++cut) {
    EXPECT_EQ(read_in({stream.substr(0, cut), stream.substr(cut)}), whole) << "cut at " << cut << "\n"
                                                                           << stream;
  }
  return whole;
}

std::string get(const std::string& fields = "") {
  return "GET /a HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n";
}
std::string post(const std::string& fields, const std::string& body) {
  return "POST /p HTTP/1.1\r\nHost: h\r\n" + fields + "\r\n" + body;
}
std::string chunked(const std::string& body) {
  return post("Transfer-Encoding: chunked\r\n", body);
}

TEST(RequestReader, ReadsRequestsOneAfterAnother) {
  EXPECT_EQ(read_any_way(""), "end");
  EXPECT_EQ(read_any_way(get()), "GET /a [] end");
  EXPECT_EQ(read_any_way(get() + post("Content-Length: 5\r\n", "hello") + get()),
            "GET /a [] POST /p [hello] GET /a [] end");
  EXPECT_EQ(read_any_way(post("Content-Length: 0\r\n", "") + chunked("0\r\n\r\n") + get()),
            "POST /p [] POST /p [] GET /a [] end");
  EXPECT_EQ(read_any_way(post("Content-Length: 5\r\n", "hell")), "unfinished");
  EXPECT_EQ(read_any_way(get() + "GE"), "GET /a [] unfinished");
}

TEST(RequestReader, DecodesChunksAndSkipsWhatNobodyReads) {
  EXPECT_EQ(read_any_way(chunked("5\r\nhello\r\n0\r\n\r\n") + get()), "POST /p [hello] GET /a [] end");
  EXPECT_EQ(read_any_way(chunked("005\r\nhello\r\nB\r\n, it's me, \r\na\r\nhere again\r\n00\r\n\r\n")),
            "POST /p [hello, it's me, here again] end");
  EXPECT_EQ(read_any_way(chunked("5;x=\"y\"\r\nhello\r\n0;z\r\nA: b\r\nTrailer: \r\n\r\n") + get()),
            "POST /p [hello] GET /a [] end");
  EXPECT_EQ(read_any_way(post("Transfer-Encoding: , CHUNKED ,\r\n", "1\r\n\r\r\n0\r\n\r\n")),
            "POST /p [\r] end");
}

TEST(RequestReader, RefusesSloppyChunks) {
  for (const char* body : {"\r\n\r\n",
                           "g\r\n",
                           "5 \r\nhello\r\n",
                           " 5\r\nhello\r\n",
                           "0x5\r\nhello\r\n",
                           "-1\r\n",
                           "+5\r\nhello\r\n",
                           "5\nhello\n",
                           "5\r\nhello\n0\r\n\r\n",
                           "5\r\nhello0\r\n\r\n",
                           "5\r\nhelloo\r\n0\r\n\r\n",
                           ";x\r\n",
                           "5;x\nhello",
                           "5;\x01\r\nhello",
                           "5\rhello",
                           "0\r\n: b\r\n\r\n",
                           "0\r\n b\r\n\r\n",
                           "0\r\na\n\r\n",
                           "0\r\nA: b\r\n folded\r\n\r\n",
                           "0\r\n\r\r",
                           "0\r\n\n",
                           "00000000000000000\r\n\r\n"}) {
    EXPECT_EQ(read_any_way(chunked(body)), "refused 400") << body;
  }
}

TEST(RequestReader, KeepsTheLimitsOfTheBodyExactly) {
  const std::string full(100, 'x');
  EXPECT_EQ(read_any_way(post("Content-Length: 100\r\n", full)), "POST /p [" + full + "] end");
  EXPECT_EQ(read_any_way(chunked("64\r\n" + full + "\r\n0\r\n\r\n")), "POST /p [" + full + "] end");
  for (const char* length : {"101", "9223372036854775808", "18446744073709551616", "18446744073709551715",
                             "100000000000000000000000000000000000000"}) {
    EXPECT_EQ(read_any_way(post("Content-Length: " + std::string(length) + "\r\n", "")), "refused 413")
        << length;
  }
  EXPECT_EQ(read_any_way(chunked("65\r\n")), "refused 413");
  EXPECT_EQ(read_any_way(chunked("ffffffffffffffff\r\n")), "refused 413");
  EXPECT_EQ(read_any_way(chunked("63\r\n" + full.substr(1) + "\r\n2\r\n")), "refused 413");
}

TEST(RequestReader, BoundsWhatSurroundsTheChunks) {
  EXPECT_EQ(read_any_way(chunked("1;" + std::string(40, 'e') + "\r\nx\r\n0\r\n\r\n")), "POST /p [x] end");
  EXPECT_EQ(read_any_way(chunked("1;" + std::string(41, 'e') + "\r\nx\r\n0\r\n\r\n")), "refused 431");
  EXPECT_EQ(read_any_way(chunked("1;" + std::string(20, 'e') + "\r\nx\r\n0\r\nA: " + std::string(17, 't') +
                                 "\r\n\r\n")),
            "POST /p [x] end");
  EXPECT_EQ(read_any_way(chunked("1;" + std::string(20, 'e') + "\r\nx\r\n0\r\nA: " + std::string(18, 't') +
                                 "\r\n\r\n")),
            "refused 431");
  std::string trailers;
  for (int i = 0; i < 41; ++i) trailers += "a\r\n";
  EXPECT_EQ(read_any_way(chunked("0\r\n" + trailers + "\r\n")), "refused 431");
}

TEST(RequestReader, TellsATargetThatIsTooLongFromFieldsThatAre) {
  EXPECT_EQ(read_any_way("GET /" + std::string(600, 'a') + " HTTP/1.1\r\nHost: h\r\n\r\n"), "refused 414");
  EXPECT_EQ(read_any_way(get("X: " + std::string(600, 'a') + "\r\n")), "refused 431");
  std::string many;
  for (int i = 0; i < 16; ++i) many += "A: b\r\n";
  EXPECT_EQ(read_any_way(get(many)), "refused 431");
}

TEST(RequestReader, RefusesWhatTwoServersCouldReadInTwoWays) {
  for (const char* fields : {
           "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
           "Content-Length: 5\r\nContent-Length: 6\r\n",
           "Content-Length: 5, 5\r\n",
           "Content-Length: 5,\r\n",
           "Content-Length: +5\r\n",
           "Content-Length: -5\r\n",
           "Content-Length: 0x5\r\n",
           "Content-Length: 5 5\r\n",
           "Content-Length:\r\n",
           "Content-Length: 5;\r\n",
           "Transfer-Encoding:\r\n",
           "Transfer-Encoding: chunked, chunked\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
           "Transfer-Encoding: chunked, gzip\r\n",
           "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
           "Transfer-Encoding : chunked\r\n",
           "Content-Length: 5\r\n Content-Length: 6\r\n",
           "Content-Length: 5\nX: y\r\n",
       }) {
    EXPECT_EQ(read_any_way(post(fields, "")), "refused 400") << fields;
  }
  EXPECT_EQ(read_any_way(post("Content-Length: 5\r\nContent-Length: 05\r\n", "hello")),
            "POST /p [hello] end");
}

TEST(RequestReader, KnowsNoCodingButChunked) {
  for (const char* coding : {"gzip", "gzip, chunked", "identity", "x-chunked", "chunked;q=1"}) {
    EXPECT_EQ(read_any_way(post("Transfer-Encoding: " + std::string(coding) + "\r\n", "")), "refused 501")
        << coding;
  }
}

TEST(RequestReader, RefusesAsTheHeadParserDoes) {
  EXPECT_EQ(read_any_way("GET /a HTTP/1.1\nHost: h\n\n"), "refused 400");
  EXPECT_EQ(read_any_way(get("X: a\r\n b\r\n")), "refused 400");
  EXPECT_EQ(read_any_way("\r\n" + get()), "refused 400");
  EXPECT_EQ(read_any_way("GET /a HTTP/1.1\r\n\r\n"), "refused 400");
  EXPECT_EQ(read_any_way("GET /a HTTP/2.0\r\nHost: h\r\n\r\n"), "refused 505");
  EXPECT_EQ(read_any_way("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), "refused 505");
  EXPECT_EQ(read_any_way("\x16\x03\x01\x02"), "refused 400");
  EXPECT_EQ(read_any_way(get() + "\x16"), "GET /a [] refused 400") << "requests before it are handed out";
}

TEST(RequestReader, FollowsTheRulesOfPersistence) {
  const std::string old = "GET /a HTTP/1.0\r\n";
  EXPECT_EQ(read_any_way(get("Connection: close\r\n")), "GET /a close [] end");
  EXPECT_EQ(read_any_way(get("Connection: te, CLOSE\r\n")), "GET /a close [] end");
  EXPECT_EQ(read_any_way(get("Connection: keep-alive\r\n")), "GET /a [] end");
  EXPECT_EQ(read_any_way(old + "\r\n"), "GET /a close [] end");
  EXPECT_EQ(read_any_way(old + "Connection: Keep-Alive\r\n\r\n"), "GET /a [] end");
  EXPECT_EQ(read_any_way(old + "Connection: keep-alive, close\r\n\r\n"), "GET /a close [] end");
  EXPECT_EQ(read_any_way(old + "Host: h\r\nContent-Length: 2\r\n\r\nhi"), "GET /a close [hi] end");
  EXPECT_EQ(read_any_way(old + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), "refused 400");
  EXPECT_EQ(read_any_way(old + "Host: h\r\nHost: h\r\n\r\n"), "refused 400");
}

TEST(RequestReader, SaysOnceThatTheClientWaitsForContinue) {
  RequestReader reader(&kLimits);
  ReceivedRequest request;
  const std::string head = post("Expect: 100-Continue\r\nContent-Length: 5\r\n", "");
  std::string_view bytes = head;
  EXPECT_EQ(reader.read(bytes, request), Outcome::incomplete);
  EXPECT_TRUE(reader.take_continue());
  EXPECT_FALSE(reader.take_continue());
  bytes = "hello";
  EXPECT_EQ(reader.read(bytes, request), Outcome::request);
  EXPECT_EQ(request.body, "hello");
  EXPECT_FALSE(reader.take_continue());
}

TEST(RequestReader, DoesNotSayContinueToWhoDoesNotWait) {
  for (const std::string& stream :
       {post("Expect: 100-continue\r\nContent-Length: 5\r\n", "he"), post("Content-Length: 5\r\n", ""),
        post("Expect: 100-continue\r\nContent-Length: 0\r\n", ""),
        post("Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", "5"),
        std::string("POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n")}) {
    RequestReader reader(&kLimits);
    ReceivedRequest request;
    std::string_view bytes = stream;
    reader.read(bytes, request);
    EXPECT_FALSE(reader.take_continue()) << stream;
  }
  EXPECT_EQ(read_any_way(post("Expect: 100-continue, more\r\nContent-Length: 5\r\n", "hello")),
            "refused 417");
  EXPECT_EQ(read_any_way(post("Expect: 100-continue\r\nContent-Length: 101\r\n", "")), "refused 413");
}

TEST(RequestReader, HoldsNothingForWholeRequestsNorBetweenThem) {
  RequestReader reader(&kLimits);
  const std::size_t nothing = reader.held_bytes();
  const std::string stream = get() + post("Content-Length: 5\r\n", "hello");
  std::string_view bytes = stream;
  ReceivedRequest request;
  ASSERT_EQ(reader.read(bytes, request), Outcome::request);
  ASSERT_EQ(reader.read(bytes, request), Outcome::request);
  EXPECT_GE(request.body.data(), stream.data()) << "a view of what was given";
  EXPECT_LE(request.body.data(), stream.data() + stream.size());
  EXPECT_EQ(reader.held_bytes(), nothing);
  const std::string in_pieces = chunked("5\r\nhello\r\n0\r\n\r\n");
  bytes = std::string_view(in_pieces).substr(0, 60);
  ASSERT_EQ(reader.read(bytes, request), Outcome::incomplete);
  EXPECT_TRUE(reader.under_way());
  EXPECT_GT(reader.held_bytes(), nothing);
  bytes = std::string_view(in_pieces).substr(60);
  ASSERT_EQ(reader.read(bytes, request), Outcome::request);
  EXPECT_EQ(request.body, "hello");
  EXPECT_FALSE(reader.under_way());
  bytes = {};
  ASSERT_EQ(reader.read(bytes, request), Outcome::incomplete);
  EXPECT_EQ(reader.held_bytes(), nothing);
}

TEST(RequestReader, StaysRefused) {
  RequestReader reader(&kLimits);
  ReceivedRequest request;
  std::string_view bytes = "nonsense\r\n\r\n";
  ASSERT_EQ(reader.read(bytes, request), Outcome::refused);
  const std::string good = get();
  bytes = good;
  EXPECT_EQ(reader.read(bytes, request), Outcome::refused);
  EXPECT_EQ(reader.refusal(), Status::bad_request);
  EXPECT_FALSE(reader.take_continue());
}

}  // namespace
}  // namespace holdfast::http
