// OpenSSL's objects as owned pointers: each is freed by its own function when the pointer goes.
#pragma once

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/decoder.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>

#include <memory>

namespace holdfast::auth {

template <auto function>
struct FreeBy {
  template <class Object>
  void operator()(Object* object) const {
    function(object);
  }
};

using BigNumberPointer = std::unique_ptr<BIGNUM, FreeBy<BN_free>>;
using BytesSourcePointer = std::unique_ptr<BIO, FreeBy<BIO_free>>;
using DecoderPointer = std::unique_ptr<OSSL_DECODER_CTX, FreeBy<OSSL_DECODER_CTX_free>>;
using DigestContextPointer = std::unique_ptr<EVP_MD_CTX, FreeBy<EVP_MD_CTX_free>>;
using EcdsaSignaturePointer = std::unique_ptr<ECDSA_SIG, FreeBy<ECDSA_SIG_free>>;
using MacContextPointer = std::unique_ptr<EVP_MAC_CTX, FreeBy<EVP_MAC_CTX_free>>;
using MacPointer = std::unique_ptr<EVP_MAC, FreeBy<EVP_MAC_free>>;
using ParametersPointer = std::unique_ptr<OSSL_PARAM, FreeBy<OSSL_PARAM_free>>;
using ParameterBuilderPointer = std::unique_ptr<OSSL_PARAM_BLD, FreeBy<OSSL_PARAM_BLD_free>>;
using PublicKeyContextPointer = std::unique_ptr<EVP_PKEY_CTX, FreeBy<EVP_PKEY_CTX_free>>;
using PublicKeyPointer = std::unique_ptr<EVP_PKEY, FreeBy<EVP_PKEY_free>>;

}  // namespace holdfast::auth
