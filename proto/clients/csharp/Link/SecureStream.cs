using System;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;

namespace Ringcast.Realtime.Link
{
	/// <summary>
	/// TLS by the platform. Each operation is begun, and asked in later polls whether it is done: one read and one write at a time, neither of
	/// which anybody waits for.
	/// </summary>
	internal sealed class SecureStream : ByteStream
	{
		private const int BufferBytes = 16384;

		private readonly SslStream ssl;
		private readonly byte[] readBuffer = new byte[BufferBytes], writeBuffer = new byte[BufferBytes];
		private IAsyncResult handshake, reading, writing;
		private int readStart, readCount;
		private bool isReady, hasEnded;

		public SecureStream(Socket socket, string serverName, RemoteCertificateValidationCallback check)
		{
			socket.Blocking = true; /* NetworkStream wants it so; nothing here waits for the socket */
			ssl = new SslStream(new NetworkStream(socket, true), false, check);
			handshake = ssl.BeginAuthenticateAsClient(serverName, null, SslProtocols.Tls12, false, null, null);
		}

		public override bool IsReady()
		{
			if (!isReady && handshake.IsCompleted) {
				ssl.EndAuthenticateAsClient(handshake);
				isReady = true;
			}
			return isReady;
		}

		public override int Read(byte[] bytes, int start, int count)
		{
			if (!IsReady())
				return WouldWait;
			if (readCount == 0 && !hasEnded)
				AdvanceRead();
			if (readCount == 0)
				return hasEnded ? 0 : WouldWait;
			int read = Math.Min(count, readCount);
			Buffer.BlockCopy(readBuffer, readStart, bytes, start, read);
			readStart += read;
			readCount -= read;
			return read;
		}

		private void AdvanceRead()
		{
			if (reading == null)
				reading = ssl.BeginRead(readBuffer, 0, readBuffer.Length, null, null);
			if (!reading.IsCompleted)
				return;
			IAsyncResult done = reading;
			reading = null;
			readStart = 0;
			readCount = ssl.EndRead(done);
			hasEnded = readCount == 0;
		}

		public override int Write(byte[] bytes, int start, int count)
		{
			if (!IsReady() || !FinishWrite())
				return WouldWait;
			int written = Math.Min(count, writeBuffer.Length);
			Buffer.BlockCopy(bytes, start, writeBuffer, 0, written);
			writing = ssl.BeginWrite(writeBuffer, 0, written, null, null);
			return written;
		}

		private bool FinishWrite()
		{
			if (writing == null)
				return true;
			if (!writing.IsCompleted)
				return false;
			IAsyncResult done = writing;
			writing = null;
			ssl.EndWrite(done);
			return true;
		}

		public override bool IsIdle()
		{
			return writing == null || writing.IsCompleted;
		}

		public override void Dispose()
		{
			ssl.Dispose();
		}
	}
}
