using System;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Threading.Tasks;

namespace Ringcast.Realtime.Link
{
	/// <summary>
	/// TLS by the platform. Each operation is begun, and asked in later polls whether it is done: one read and one write at a time, neither of
	/// which anybody waits for. By tasks, not by BeginRead: in Mono that waits for a write that is under way.
	/// </summary>
	internal sealed class SecureStream : ByteStream
	{
		private const int BufferBytes = 16384;

		private readonly SslStream ssl;
		private readonly byte[] readBuffer = new byte[BufferBytes], writeBuffer = new byte[BufferBytes];
		private readonly Task handshake;
		private Task<int> reading;
		private Task writing;
		private int readStart, readCount;
		private bool isReady, hasEnded;

		public SecureStream(Socket socket, string serverName, RemoteCertificateValidationCallback check)
		{
			socket.Blocking = true; /* NetworkStream wants it so; nothing here waits for the socket */
			ssl = new SslStream(new NetworkStream(socket, true), false, check);
			handshake = ssl.AuthenticateAsClientAsync(serverName, null, SslProtocols.Tls12, false);
		}

		public override bool IsReady()
		{
			if (!isReady && handshake.IsCompleted) {
				handshake.GetAwaiter().GetResult();
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
				reading = ssl.ReadAsync(readBuffer, 0, readBuffer.Length);
			if (!reading.IsCompleted)
				return;
			Task<int> done = reading;
			reading = null;
			readStart = 0;
			readCount = done.GetAwaiter().GetResult();
			hasEnded = readCount == 0;
		}

		public override int Write(byte[] bytes, int start, int count)
		{
			if (!IsReady() || !FinishWrite())
				return WouldWait;
			int written = Math.Min(count, writeBuffer.Length);
			Buffer.BlockCopy(bytes, start, writeBuffer, 0, written);
			writing = ssl.WriteAsync(writeBuffer, 0, written);
			return written;
		}

		private bool FinishWrite()
		{
			if (writing == null)
				return true;
			if (!writing.IsCompleted)
				return false;
			Task done = writing;
			writing = null;
			done.GetAwaiter().GetResult();
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
